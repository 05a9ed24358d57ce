//! What each group of instruments brought, by the group an instrument was in at the time.

use alphafleet_backtest::plan::Outcome;
use alphafleet_market::Panel;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::tables::ContributionRow;
use crate::groups::Groups;

/// Fields of the data that group instruments by a code, the first found counts.
pub(super) const FIELDS: [&str; 4] = ["sector", "industry", "subindustry", "group"];

/// The groups' contributions, by falling gain; with the interest they add up to the whole gain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupTable {
    /// What the groups are, such as `sector`.
    pub by: String,
    pub rows: Vec<ContributionRow>,
}

/// The groups of a run's instruments at its bars.
struct Labels {
    by: String,
    names: Vec<String>,
    /// For each instrument of the panel its groups, as places in `names`, by the bar from which
    /// they hold. The last known group holds on suspended days and after the last bar.
    changes: Vec<Vec<(usize, usize)>>,
}

impl Labels {
    fn at(&self, instrument: usize, bar: usize) -> Option<usize> {
        let changes = &self.changes[instrument];
        let after = changes.partition_point(|&(from, _)| from <= bar);
        after.checked_sub(1).map(|last| changes[last].1)
    }

    /// By the instruments' names, from their dates on.
    fn of_file(groups: &Groups, panel: &Panel) -> Self {
        let bar = |time| panel.calendar().partition_point(|known| *known < time);
        let changes = panel.instruments().iter().map(|instrument| {
            let dated = groups.members.get(instrument).into_iter().flatten();
            // Of several that begin between two bars the last counts.
            dated.map(|(&time, &group)| (bar(time), group)).collect()
        });
        let (by, names) = (groups.title.clone(), groups.names.clone());
        Self { by, names, changes: changes.collect() }
    }

    /// By a field of the data that holds a code for every bar.
    fn of_field(panel: &Panel) -> Option<Self> {
        let known = |name: &&&str| {
            panel.field(name).is_some_and(|codes| codes.iter().any(|code| !code.is_nan()))
        };
        let field = *FIELDS.iter().find(known)?;
        let mut codes: Vec<f64> = panel.field(field)?.to_vec();
        codes.retain(|code| !code.is_nan());
        codes.sort_unstable_by(f64::total_cmp);
        codes.dedup();
        let changes = |instrument: usize| {
            let mut changes: Vec<(usize, usize)> = Vec::new();
            for (bar, code) in panel.series(field, instrument).into_iter().flatten().enumerate() {
                let place = codes.binary_search_by(|known| known.total_cmp(code));
                let Ok(group) = place else { continue };
                // What has a group at its first bar had it before.
                let from = if bar == panel.listed(instrument).start { 0 } else { bar };
                if changes.last().is_none_or(|last| last.1 != group) {
                    changes.push((from, group));
                }
            }
            changes
        };
        Some(Self {
            by: field.to_owned(),
            changes: (0..panel.instruments().len()).map(changes).collect(),
            names: codes.iter().map(|code| format!("{field} {code}")).collect(),
        })
    }
}

/// Gain and costs of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    dealt: bool,
    gain: f64,
    costs: f64,
}

impl Sum {
    fn add(&mut self, gain: f64, costs: f64) {
        *self = Self { dealt: true, gain: self.gain + gain, costs: self.costs + costs };
    }
}

/// Attributes the gains to the groups that are given, else to those of the data; none where
/// neither has any.
pub(super) fn by_group(account: &Account<'_>, groups: Option<&Groups>) -> Option<GroupTable> {
    let labels = match groups {
        Some(groups) => Labels::of_file(groups, account.panel),
        None => Labels::of_field(account.panel)?,
    };
    // One more for what has no group, and one for what cannot be told apart.
    let none = labels.names.len();
    let mut sums = vec![Sum::default(); none + 2];
    let mut moved = vec![false; labels.changes.len()];
    for one in &account.gains {
        let within =
            |&(bar, _): &(usize, usize)| account.bars.start < bar && bar < account.bars.end;
        let moves = labels.changes[one.instrument].iter().any(within);
        if moves && account.records_positions() {
            moved[one.instrument] = true;
        } else {
            let constant = labels.at(one.instrument, account.bars.start).unwrap_or(none);
            sums[if moves { none + 1 } else { constant }].add(one.gain, one.costs);
        }
    }
    if moved.contains(&true) {
        bar_by_bar(account, &moved, |instrument, bar, gain, costs| {
            sums[labels.at(instrument, bar).unwrap_or(none)].add(gain, costs);
        });
    }
    let by = labels.by;
    let unknown = [format!("no {by}"), format!("more than one {by}; positions are not recorded")];
    let rows = labels.names.into_iter().chain(unknown).zip(sums);
    let mut rows: Vec<ContributionRow> = rows
        .filter(|(_, sum)| sum.dealt)
        .map(|(name, sum)| account.contribution(name, sum.gain, sum.costs))
        .collect();
    rows.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    Some(GroupTable { by, rows })
}

/// Tells instrument, bar, gain and costs of all that the instruments brought: at each bar the worth
/// of what is held then, less its worth before, less what was paid for it, with dividends and
/// borrowing.
fn bar_by_bar(
    account: &Account<'_>,
    instruments: &[bool],
    mut tell: impl FnMut(usize, usize, f64, f64),
) {
    for fill in account.fills.iter().filter(|fill| instruments[fill.instrument]) {
        let paid = fill.commission + fill.tax;
        tell(fill.instrument, fill.bar, -fill.side.sign() * fill.value - paid, paid);
    }
    if let Outcome::Event(result) = account.outcome {
        for income in result.income.iter().filter(|one| instruments[one.instrument as usize]) {
            tell(income.instrument as usize, income.bar, income.amount, 0.0);
        }
    }
    let mut before: Vec<(usize, f64)> = Vec::new();
    for (step, bar) in account.bars.clone().enumerate() {
        for (instrument, worth) in before.drain(..) {
            tell(instrument, bar, -worth, 0.0);
        }
        before.extend(account.worth(step).filter(|&(instrument, _)| instruments[instrument]));
        for &(instrument, worth) in &before {
            tell(instrument, bar, worth, 0.0);
        }
    }
}
