use alphafleet_market::{Finding, FindingCode, Panel};
use chrono::NaiveDateTime;

use super::Spans;

/// Which cells of a panel are bars, going by the fields that count.
pub(crate) fn bars(panel: &Panel, counts: impl Fn(&str) -> bool) -> Vec<bool> {
    let mut bars = vec![false; panel.calendar().len() * panel.instruments().len()];
    for values in panel.field_names().filter(|name| counts(name)).filter_map(|n| panel.field(n)) {
        for (bar, value) in bars.iter_mut().zip(values) {
            *bar |= !value.is_nan();
        }
    }
    bars
}

/// A member's value at a time: 1 inside the spans, else 0.
pub(crate) fn value(spans: Option<&Spans>, time: NaiveDateTime) -> f64 {
    f64::from(u8::from(spans.is_some_and(|spans| spans.covers(time))))
}

/// The field of a universe: 1 on the bars of an instrument that lie inside its spans, 0 on its
/// other bars, NaN where it has none. `bars` says which cells are bars.
pub(crate) fn membership<'a>(
    panel: &Panel,
    bars: &[bool],
    spans: impl Fn(usize) -> Option<&'a Spans>,
) -> Vec<f64> {
    let mut values = Vec::with_capacity(bars.len());
    for instrument in 0..panel.instruments().len() {
        let spans = spans(instrument);
        for &time in panel.calendar() {
            let bar = bars[values.len()];
            values.push(if bar { value(spans, time) } else { f64::NAN });
        }
    }
    values
}

/// Tells of a list whose instruments have no bars, or no bars while they belong. `strangers` are
/// those without any, of all that it lists.
pub(crate) fn findings(
    name: &str,
    listed: usize,
    strangers: &[&str],
    members: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !strangers.is_empty() {
        let count = strangers.len() as u64;
        let message = format!(
            "{name}: {count} of the {listed} instruments it lists have no bars: {}",
            first_of(strangers)
        );
        let whole = Finding::whole(FindingCode::UnknownMembers, Some(name), message);
        findings.push(Finding { count, ..whole });
    }
    if !members {
        let message = format!("{name}: none of the bars is inside its instruments' spans");
        findings.push(Finding::whole(FindingCode::NoMembers, Some(name), message));
    }
    findings
}

/// A few of the names, and how many more there are.
pub(crate) fn first_of(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}
