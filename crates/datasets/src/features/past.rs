use std::collections::{BTreeMap, HashMap};
use std::fmt::{Display, Formatter};

use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::Panel;
use chrono::Datelike;
use serde::{Deserialize, Serialize};

/// What a formula saw of the first bars of a panel, by checksums (SHA-256, hex): equal pasts give
/// equal values and equal states. Prices are those the formula reads, after adjustment, so that a
/// restated bar and a factor that changes earlier prices both show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// Bars of the calendar.
    pub bars: usize,
    /// Of the times and of the instruments that had begun, with the bars each of them has and
    /// those on which it belongs to the universe.
    pub market: String,
    /// Of the values of each field that the formula reads.
    pub fields: BTreeMap<String, String>,
    /// Of what was announced of each field by period that it reads, without the `$$`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub announcements: BTreeMap<String, String>,
}

/// Why one past is not another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PastChange {
    /// There are fewer bars than there were.
    Shorter,
    /// Other times, other instruments, or bars or members of the universe that came or went.
    Market,
    /// The values of these fields.
    Fields(Vec<String>),
    /// What was announced of these fields.
    Announcements(Vec<String>),
}

impl Display for PastChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shorter => f.write_str("the data end earlier than before"),
            Self::Market => f.write_str(
                "earlier bars, instruments or members of the universe were added or removed",
            ),
            Self::Fields(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
                let names = names.join(", ");
                write!(f, "earlier values of {names} were restated, or adjusted by another factor")
            }
            Self::Announcements(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("$${name}")).collect();
                write!(f, "the announcements of {} are others than before", names.join(", "))
            }
        }
    }
}

/// The pasts of one panel, each part of which is summed once.
#[derive(Debug)]
pub struct Pasts<'a> {
    panel: &'a Panel,
    markets: HashMap<usize, String>,
    fields: HashMap<(usize, String), String>,
}

impl<'a> Pasts<'a> {
    pub fn new(panel: &'a Panel) -> Self {
        Self { panel, markets: HashMap::new(), fields: HashMap::new() }
    }

    /// What a formula of these fields sees of the first `bars` bars. Fields that the panel lacks
    /// are left out.
    pub fn of<'b>(&mut self, bars: usize, fields: impl IntoIterator<Item = &'b str>) -> Past {
        let bars = bars.min(self.panel.calendar().len());
        let known = |name: &&str| self.panel.field(name).is_some();
        let names: Vec<&str> = fields.into_iter().filter(known).collect();
        let fields = names.into_iter().map(|name| (name.to_owned(), self.field(bars, name)));
        let fields = fields.collect();
        Past { bars, market: self.market(bars), fields, announcements: BTreeMap::new() }
    }

    /// What a formula sees of the announcements of these fields by period: all there are of the
    /// panel's instruments.
    pub fn announcements<'b>(
        &self,
        fields: impl IntoIterator<Item = &'b str>,
    ) -> BTreeMap<String, String> {
        let fields = fields.into_iter();
        fields.map(|name| (name.to_owned(), announced(self.panel, name))).collect()
    }

    /// How the panel's past differs from an earlier one; `None` if it does not.
    pub fn change_since(&mut self, earlier: &Past) -> Option<PastChange> {
        if earlier.bars > self.panel.calendar().len() {
            return Some(PastChange::Shorter);
        }
        let own = self.of(earlier.bars, earlier.fields.keys().map(String::as_str));
        if own.market != earlier.market {
            return Some(PastChange::Market);
        }
        let changed =
            earlier.fields.iter().filter(|&(name, sum)| own.fields.get(name) != Some(sum));
        let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
        if !changed.is_empty() {
            return Some(PastChange::Fields(changed));
        }
        let now = self.announcements(earlier.announcements.keys().map(String::as_str));
        let changed =
            earlier.announcements.iter().filter(|&(name, sum)| now.get(name) != Some(sum));
        let changed: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
        (!changed.is_empty()).then_some(PastChange::Announcements(changed))
    }

    fn market(&mut self, bars: usize) -> String {
        let sum = || market(self.panel, bars);
        self.markets.entry(bars).or_insert_with(sum).clone()
    }

    fn field(&mut self, bars: usize, name: &str) -> String {
        let sum = || field(self.panel, bars, name);
        self.fields.entry((bars, name.to_owned())).or_insert_with(sum).clone()
    }
}

/// The instruments that begin within the first bars.
fn begun(panel: &Panel, bars: usize) -> impl Iterator<Item = usize> + '_ {
    (0..panel.instruments().len()).filter(move |&at| {
        let listed = panel.listed(at);
        !listed.is_empty() && listed.start < bars
    })
}

fn market(panel: &Panel, bars: usize) -> String {
    let mut digest = Sha256Stream::default();
    for time in &panel.calendar()[..bars] {
        digest.update(&time.and_utc().timestamp_micros().to_le_bytes());
    }
    for at in begun(panel, bars) {
        let name = &panel.instruments()[at];
        digest.update(&(name.len() as u64).to_le_bytes());
        digest.update(name.as_bytes());
        digest.update(&(panel.listed(at).start as u64).to_le_bytes());
        let has: Vec<u8> = (0..bars).map(|bar| u8::from(panel.has_bar(at, bar))).collect();
        digest.update(&has);
        if panel.members().is_some() {
            let belongs: Vec<u8> =
                (0..bars).map(|bar| u8::from(panel.is_member(at, bar))).collect();
            digest.update(&belongs);
        }
    }
    digest.finish()
}

fn field(panel: &Panel, bars: usize, name: &str) -> String {
    let mut digest = Sha256Stream::default();
    let mut bytes = Vec::with_capacity(bars * size_of::<f64>());
    for at in begun(panel, bars) {
        bytes.clear();
        for value in panel.series(name, at).unwrap_or_default().iter().take(bars) {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        digest.update(&bytes);
    }
    digest.finish()
}

fn announced(panel: &Panel, name: &str) -> String {
    let mut digest = Sha256Stream::default();
    for instrument in panel.instruments() {
        let known = panel.announcements().of(name, instrument).unwrap_or_default();
        digest.update(&(instrument.len() as u64).to_le_bytes());
        digest.update(instrument.as_bytes());
        digest.update(&(known.len() as u64).to_le_bytes());
        for one in known {
            digest.update(&one.announced.num_days_from_ce().to_le_bytes());
            digest.update(&one.period.to_le_bytes());
            // Of what is missing there is one kind.
            let value = if one.value.is_nan() { f64::NAN } else { one.value };
            digest.update(&value.to_le_bytes());
        }
    }
    digest.finish()
}
