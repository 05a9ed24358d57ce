use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::Panel;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::folder::QlibFolder;
use super::{QlibFrequency, calendar, name};

/// What a Qlib folder says besides the values of its bars: with it, and the panel it was read
/// with, the same folder is written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QlibLayout {
    frequency: QlibFrequency,
    /// Of the panel's instruments and times, so that it is not used for others.
    panel_sha256: String,
    /// Calendar entries without any bar; ascending.
    idle: Vec<NaiveDateTime>,
    /// `instruments/*.txt` as they are, by stem.
    universes: BTreeMap<String, String>,
    /// Those of the universes that are fields of the panel, and no features of the folder.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    universe_fields: BTreeSet<String>,
    /// By symbol and field: the calendar entries a `.bin` covers, or that there is none, where
    /// that is not from the instrument's first bar to its last.
    spans: BTreeMap<String, BTreeMap<String, Option<Range<usize>>>>,
}

impl QlibLayout {
    pub fn frequency(&self) -> &QlibFrequency {
        &self.frequency
    }

    /// Names of the lists of instruments: `all` and universes.
    pub fn universe_names(&self) -> impl Iterator<Item = &str> {
        self.universes.keys().map(String::as_str)
    }

    /// Names of the panel's fields that are lists of the folder, not features of its instruments.
    pub fn universe_fields(&self) -> impl Iterator<Item = &str> {
        self.universe_fields.iter().map(String::as_str)
    }

    /// Has a field of the panel be a list of the folder, not a feature: one that
    /// [`UniverseList::add_to`](crate::UniverseList::add_to) added.
    pub fn add_universe_field(&mut self, name: &str) {
        self.universe_fields.insert(name.to_owned());
    }

    /// Whether it was read with a panel of these instruments and times, and may be written.
    pub fn fits(&self, panel: &Panel, frequency: &QlibFrequency) -> bool {
        let entries = panel.calendar().len() + self.idle.len();
        let inside = |span: &Option<Range<usize>>| {
            span.as_ref().is_none_or(|span| span.start <= span.end && span.end <= entries)
        };
        let named = |(symbol, fields): (&String, &BTreeMap<String, Option<Range<usize>>>)| {
            name::folder_of(symbol).is_ok() && fields.keys().all(|field| name::is_field(field))
        };
        let idle = |time: &NaiveDateTime| {
            calendar::holds(frequency, *time) && panel.calendar().binary_search(time).is_err()
        };
        self.frequency == *frequency
            && self.idle.iter().all(idle)
            && self.idle.windows(2).all(|pair| pair[0] < pair[1])
            && self.panel_sha256 == digest(panel)
            && self.universes.keys().all(|stem| name::is_universe(stem))
            && self.spans.iter().all(named)
            && self.spans.values().flat_map(BTreeMap::values).all(inside)
    }

    pub(super) fn idle(&self) -> &[NaiveDateTime] {
        &self.idle
    }

    pub(super) fn universes(&self) -> &BTreeMap<String, String> {
        &self.universes
    }

    /// `None`: the `.bin` goes from the instrument's first bar to its last; `Some(None)`: there is
    /// none.
    pub(super) fn span(&self, symbol: &str, field: &str) -> Option<Option<Range<usize>>> {
        self.spans.get(symbol)?.get(field).cloned()
    }

    /// The fields of which an instrument has a `.bin` although the panel may not know it.
    pub(super) fn spans(&self) -> &BTreeMap<String, BTreeMap<String, Option<Range<usize>>>> {
        &self.spans
    }
}

/// What of a folder its panel does not say.
pub(super) struct Extents<'a> {
    /// Calendar entries without any bar; ascending.
    pub idle: Vec<NaiveDateTime>,
    /// The extent of every `.bin`, by instrument and field of the folder.
    pub spans: &'a [Vec<Option<Range<usize>>>],
    /// The lists that are fields.
    pub lists: Vec<String>,
}

/// The layout of a folder that was read as `panel`.
pub(super) fn of(panel: &Panel, folder: &QlibFolder<'_>, extents: Extents<'_>) -> QlibLayout {
    let Extents { idle, spans, lists } = extents;
    let mut unusual: BTreeMap<String, BTreeMap<String, Option<Range<usize>>>> = BTreeMap::new();
    for (entry, found) in folder.entries.iter().zip(spans) {
        let usual = panel.instruments().binary_search(&entry.symbol).ok();
        let usual = usual.and_then(|instrument| extent(panel, instrument, &folder.calendar));
        for (field, found) in folder.fields.iter().zip(found).filter(|(_, span)| **span != usual) {
            let fields = unusual.entry(entry.symbol.clone()).or_default();
            fields.insert(field.clone(), found.clone());
        }
    }
    QlibLayout {
        frequency: folder.frequency.clone(),
        panel_sha256: digest(panel),
        idle,
        universes: folder.universes.clone(),
        universe_fields: lists.into_iter().collect(),
        spans: unusual,
    }
}

/// An instrument's first to last bar as indices into a calendar that has all of the panel's times.
pub(super) fn extent(
    panel: &Panel,
    instrument: usize,
    calendar: &[NaiveDateTime],
) -> Option<Range<usize>> {
    let listed = panel.listed(instrument);
    let place = |bar: usize| calendar.partition_point(|&time| time < panel.calendar()[bar]);
    (!listed.is_empty()).then(|| place(listed.start)..place(listed.end - 1) + 1)
}

fn digest(panel: &Panel) -> String {
    let mut digest = Sha256Stream::default();
    for time in panel.calendar() {
        let time = time.and_utc();
        digest.update(&time.timestamp().to_le_bytes());
        digest.update(&time.timestamp_subsec_nanos().to_le_bytes());
    }
    for (index, instrument) in panel.instruments().iter().enumerate() {
        digest.update(&(instrument.len() as u64).to_le_bytes());
        digest.update(instrument.as_bytes());
        let listed = panel.listed(index);
        for bound in [listed.start, listed.end] {
            digest.update(&(bound as u64).to_le_bytes());
        }
    }
    digest.finish()
}
