use std::collections::{BTreeMap, BTreeSet};

use alphafleet_market::{Finding, FindingCode, Panel};
use chrono::NaiveDateTime;

use super::listing::{self, DayEnd};
use super::{QlibExport, QlibFrequency, QlibLayout, name};
use crate::error::DatasetError;
use crate::universe::{Spans, bars, membership, refuse_name};

/// What goes to `instruments/`.
pub(super) struct Lists {
    /// By stem.
    pub texts: BTreeMap<String, String>,
    /// The panel's fields that are lists, and no features.
    pub fields: BTreeSet<String>,
    pub findings: Vec<Finding>,
}

/// The lists of an export, whose layout is one that is followed. `universes` are the panel's fields
/// that are to be lists; one whose values are others than a list can say stays a feature.
pub(super) fn of(panel: &Panel, export: &QlibExport<'_>, universes: BTreeSet<String>) -> Lists {
    let (fields, bars) = sayable(panel, &universes);
    let all = || [("all".to_owned(), all(panel, export.frequency))].into();
    let mut texts = export.layout.map_or_else(all, |layout| layout.universes().clone());
    let mut findings = Vec::new();
    let mut tell = |field: &str, message: String| {
        findings.push(Finding::whole(FindingCode::LayoutLeftOut, Some(field), message));
    };
    for field in universes {
        let values = panel.field(&field).unwrap_or_default();
        if !fields.contains(&field) {
            let message = format!(
                "{field} is no list any more, as it has other values than 0 and 1 on the bars: it \
                 was written as a feature"
            );
            tell(&field, message);
            texts.remove(&field);
            continue;
        }
        let told = texts.get(&field).map(|text| says(panel, &bars, text));
        if told.as_deref().is_some_and(|told| same(told, values)) {
            continue;
        }
        if told.is_some() {
            tell(&field, format!("{field} is not what the list says: the list was written anew"));
        }
        let text = text(panel, &bars, values, export.frequency);
        texts.insert(field, text);
    }
    Lists { texts, fields, findings }
}

/// The panel's fields that a layout or the caller has as lists.
pub(super) fn wanted(
    panel: &Panel,
    export: &QlibExport<'_>,
) -> Result<BTreeSet<String>, DatasetError> {
    let unable = |name: &str| match panel.field(name) {
        None => Some("the panel has no such field"),
        Some(_) => refuse_name(name, std::iter::empty()),
    };
    for name in export.universes {
        if let Some(reason) = unable(name) {
            let (what, reason) = (format!("universe {name:?}"), reason.to_owned());
            return Err(DatasetError::NotRepresentable { what, reason });
        }
    }
    let of_layout = export.layout.into_iter().flat_map(QlibLayout::universe_fields);
    let of_layout = of_layout.filter(|name| unable(name).is_none()).map(str::to_owned);
    Ok(of_layout.chain(export.universes.iter().cloned()).collect())
}

/// Those of the universes that a list says exactly: 0 or 1 on every bar and NaN elsewhere; and the
/// bars, which are those of the other fields.
fn sayable(panel: &Panel, universes: &BTreeSet<String>) -> (BTreeSet<String>, Vec<bool>) {
    let mut fields = universes.clone();
    if fields.is_empty() {
        return (fields, Vec::new());
    }
    loop {
        let bars = bars(panel, |name| !fields.contains(name));
        let sayable = |field: &String| {
            let values = panel.field(field).unwrap_or_default();
            values.iter().zip(&bars).all(|(value, &bar)| match bar {
                true => [0.0_f64, 1.0].map(f64::to_bits).contains(&value.to_bits()),
                false => value.is_nan(),
            })
        };
        let before = fields.len();
        fields.retain(sayable);
        // One that is a feature after all may have bars of its own.
        if fields.len() == before {
            return (fields, bars);
        }
    }
}

/// What a list says of the panel's instruments; nothing, if it cannot be read.
fn says(panel: &Panel, bars: &[bool], text: &str) -> Vec<f64> {
    let Ok(listed) = listing::parse("", text, DayEnd::Midnight) else { return Vec::new() };
    let mut spans: BTreeMap<String, Vec<(NaiveDateTime, NaiveDateTime)>> = BTreeMap::new();
    for span in listed {
        let Ok(folder) = name::folder_of(&span.symbol) else { continue };
        spans.entry(folder).or_default().push((span.first, span.last));
    }
    let of = |symbol: &String| spans.remove(&name::folder_of(symbol).ok()?).map(Spans::from_iter);
    let spans: Vec<Option<Spans>> = panel.instruments().iter().map(of).collect();
    membership(panel, bars, |instrument| spans[instrument].as_ref())
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
}

/// A list that says what a field does: a span for members' bars that follow each other among those
/// the instrument has.
fn text(panel: &Panel, bars: &[bool], values: &[f64], frequency: &QlibFrequency) -> String {
    let calendar = panel.calendar();
    let mut text = String::new();
    for (instrument, symbol) in panel.instruments().iter().enumerate() {
        let first_cell = instrument * calendar.len();
        let own = (0..calendar.len()).filter(|bar| bars[first_cell + bar]);
        let mut span: Option<(NaiveDateTime, NaiveDateTime)> = None;
        for bar in own {
            let time = calendar[bar];
            if values[first_cell + bar] != 0.0 {
                span = Some((span.map_or(time, |(first, _)| first), time));
            } else if let Some((first, last)) = span.take() {
                text += &listing::line(frequency, symbol, first, last);
            }
        }
        if let Some((first, last)) = span {
            text += &listing::line(frequency, symbol, first, last);
        }
    }
    text
}

/// All instruments, from the first to the last bar each has.
fn all(panel: &Panel, frequency: &QlibFrequency) -> String {
    let mut text = String::new();
    for (index, symbol) in panel.instruments().iter().enumerate() {
        let listed = panel.listed(index);
        if !listed.is_empty() {
            let bars = &panel.calendar()[listed];
            text += &listing::line(frequency, symbol, bars[0], bars[bars.len() - 1]);
        }
    }
    text
}
