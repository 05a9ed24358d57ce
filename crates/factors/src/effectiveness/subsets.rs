use std::collections::BTreeSet;

use alphafleet_market::Panel;

use super::options::{EffectivenessOptions, MAX_GROUPS, Members, NamedUniverse, invalid};
use super::sections::{Ranked, Sections};
use crate::error::FactorError;
use crate::ic::{BarIc, section_ic};

/// A named universe and whether each slot is in it.
pub(super) struct Universe {
    pub name: String,
    pub includes: Vec<bool>,
}

impl Universe {
    pub(super) fn all(
        sections: &Sections,
        panel: &Panel,
        options: &EffectivenessOptions,
    ) -> Vec<Self> {
        let universe = |universe: &NamedUniverse| Self {
            name: universe.name.clone(),
            includes: includes(sections, panel, &universe.members),
        };
        options.universes.iter().map(universe).collect()
    }
}

fn includes(sections: &Sections, panel: &Panel, members: &Members) -> Vec<bool> {
    match members {
        Members::Instruments(names) => {
            let names: BTreeSet<&String> = names.iter().collect();
            let member: Vec<bool> =
                panel.instruments().iter().map(|name| names.contains(name)).collect();
            sections.map(|_, instrument| member[instrument])
        }
        Members::Field(field) => sections.map(|bar, instrument| {
            let value = at(panel, field, bar, instrument);
            !value.is_nan() && value != 0.0
        }),
    }
}

fn at(panel: &Panel, field: &str, bar: usize, instrument: usize) -> f64 {
    let series = panel.series(field, instrument).and_then(|series| series.get(bar));
    series.copied().unwrap_or(f64::NAN)
}

/// The groups of a dated field such as the sector.
pub(super) struct DatedGroups {
    /// Ascending.
    pub numbers: Vec<i64>,
    /// For each bar, its grouped places by group, then place.
    by_bar: Vec<Vec<(u32, u32)>>,
}

impl DatedGroups {
    /// A missing value belongs to no group.
    pub(super) fn new(
        sections: &Sections,
        panel: &Panel,
        field: &str,
    ) -> Result<Self, FactorError> {
        let values = sections.map(|bar, instrument| at(panel, field, bar, instrument));
        let mut numbers = BTreeSet::new();
        for &value in values.iter().filter(|value| !value.is_nan()) {
            if value.fract() != 0.0 || value.abs() > i32::MAX.into() {
                return invalid(
                    "group_field",
                    format!("{field} holds {value}: groups are whole numbers"),
                );
            }
            numbers.insert(value as i64);
            if numbers.len() > MAX_GROUPS {
                return invalid(
                    "group_field",
                    format!("{field} has more than {MAX_GROUPS} values"),
                );
            }
        }
        let numbers: Vec<i64> = numbers.into_iter().collect();
        let by_bar = (0..sections.bars()).map(|bar| {
            let values = values[sections.slots_of(bar)].iter().enumerate();
            let grouped = values.filter(|(_, value)| !value.is_nan()).map(|(at, &value)| {
                (numbers.partition_point(|&number| number < value as i64) as u32, at as u32)
            });
            let mut grouped: Vec<_> = grouped.collect();
            grouped.sort_unstable();
            grouped
        });
        Ok(Self { by_bar: by_bar.collect(), numbers })
    }

    /// Each group's series of ICs.
    pub(super) fn series(&self, factor: &Ranked, outcome: &Ranked) -> Vec<Vec<BarIc>> {
        let mut series = vec![vec![]; self.numbers.len()];
        for (bar, grouped) in self.by_bar.iter().enumerate() {
            let (factor, outcome) = (factor.section(bar), outcome.section(bar));
            for members in grouped.chunk_by(|a, b| a.0 == b.0) {
                let take = |values: &[f32]| -> Vec<f32> {
                    members.iter().map(|(_, at)| values[*at as usize]).collect()
                };
                let ic = section_ic(bar as u32, &take(factor.values), &take(outcome.values));
                series[members[0].0 as usize].extend(ic);
            }
        }
        series
    }
}
