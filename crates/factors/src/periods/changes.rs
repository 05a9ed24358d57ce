use std::collections::BTreeSet;

use alphafleet_market::{Announcement, Panel};
use rayon::prelude::*;

use super::evaluate::evaluate;
use super::known::Known;
use super::reach::reach;
use crate::expr::Node;

/// A value from a bar on, up to the next change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) bar: usize,
    pub(crate) value: f32,
}

/// What expressions over periods amount to on the bars of a panel. Before its first change an
/// instrument has no value.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// By expression and instrument, ascending by bar.
    by_part: Vec<Vec<Vec<Change>>>,
}

impl Changes {
    /// Of expressions, each with its period where one is given.
    pub(crate) fn of(panel: &Panel, parts: &[(Node, Option<u32>)]) -> Self {
        let part = |(node, period): &(Node, Option<u32>)| {
            let instruments = panel.instruments().par_iter();
            instruments.map(|instrument| changes(panel, node, *period, instrument)).collect()
        };
        Self { by_part: parts.iter().map(part).collect() }
    }

    pub(crate) fn get(&self, part: usize, instrument: usize) -> &[Change] {
        self.by_part.get(part).and_then(|all| all.get(instrument)).map_or(&[], Vec::as_slice)
    }
}

fn changes(panel: &Panel, node: &Node, period: Option<u32>, instrument: &str) -> Vec<Change> {
    let mut fields = BTreeSet::new();
    node.collect_period_fields(&mut fields);
    let announced = |field| panel.announcements().of(field, instrument).unwrap_or_default();
    let mut known: Vec<Known<'_>> =
        fields.into_iter().map(|field| Known::new(field, announced(field))).collect();
    let reach = reach(node);
    let mut changes: Vec<Change> = vec![];
    for bar in news(panel, &known) {
        let day = panel.calendar()[bar].date();
        known.iter_mut().for_each(|field| field.advance(day));
        let value = evaluate(node, period, reach, &known) as f32;
        if changes.last().is_none_or(|last| last.value.to_bits() != value.to_bits()) {
            changes.push(Change { bar, value });
        }
    }
    changes
}

/// The bars at which an announcement becomes known, ascending.
fn news(panel: &Panel, known: &[Known<'_>]) -> BTreeSet<usize> {
    let calendar = panel.calendar();
    let bar = |announcement: &Announcement| {
        calendar.partition_point(|time| time.date() < announcement.announced)
    };
    let bars = known.iter().flat_map(|field| field.announcements()).map(bar);
    bars.filter(|&bar| bar < calendar.len()).collect()
}
