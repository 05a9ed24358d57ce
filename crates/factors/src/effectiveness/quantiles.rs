use super::report::QuantileReturns;
use super::sections::{Ranked, Section, Sections};
use super::statistics::{Overlap, mean, spread_statistics};
use crate::correlation::pearson;

/// The group of each slot from 1 for the lowest factors; 0 where there is none.
pub(super) struct Groups {
    pub of_slot: Vec<u8>,
    pub count: usize,
}

impl Groups {
    pub(super) fn new(sections: &Sections, factor: &Ranked, count: usize) -> Self {
        let mut of_slot = vec![0; sections.slots()];
        for bar in 0..sections.bars() {
            assign(&factor.section(bar), count, &mut of_slot[sections.slots_of(bar)]);
        }
        Self { of_slot, count }
    }
}

/// Rank `r` of `n` belongs to group `⌈(r − 1) q / (n − 1)⌉`, at least 1: where `pandas.qcut` cuts.
fn assign(section: &Section<'_>, count: usize, groups: &mut [u8]) {
    if section.present() < count || section.is_constant() {
        return;
    }
    // Ranks are whole or half numbers: twice them are whole, and no rounding moves a border.
    let last = 2 * (section.present() as u64 - 1);
    for &at in section.order {
        let above_least = (section.ranks[at as usize] * 2.0) as u64 - 2;
        groups[at as usize] = (above_least * count as u64).div_ceil(last).max(1) as u8;
    }
}

/// Each bar's mean return by group, `count` a bar; NaN for a group without.
pub(super) fn returns_by_bar(sections: &Sections, groups: &Groups, outcome: &Ranked) -> Vec<f64> {
    let count = groups.count;
    let mut means = vec![f64::NAN; sections.bars() * count];
    let (mut sums, mut members) = (vec![0.0; count + 1], vec![0_u32; count + 1]);
    for bar in 0..sections.bars() {
        sums.fill(0.0);
        members.fill(0);
        let group = &groups.of_slot[sections.slots_of(bar)];
        for (&group, &value) in group.iter().zip(outcome.section(bar).values) {
            if !value.is_nan() {
                sums[usize::from(group)] += f64::from(value);
                members[usize::from(group)] += 1;
            }
        }
        for group in 1..=count {
            if members[group] > 0 {
                means[bar * count + group - 1] = sums[group] / f64::from(members[group]);
            }
        }
    }
    means
}

/// Mean members of each group, over the bars that have groups.
pub(super) fn mean_members(sections: &Sections, groups: &Groups) -> Vec<Option<f64>> {
    let mut members = vec![0_u64; groups.count + 1];
    let mut bars = 0_u64;
    for bar in 0..sections.bars() {
        let group = &groups.of_slot[sections.slots_of(bar)];
        group.iter().for_each(|&group| members[usize::from(group)] += 1);
        bars += u64::from(group.iter().any(|&group| group > 0));
    }
    let share = |&members: &u64| (bars > 0).then(|| members as f64 / bars as f64);
    members[1..].iter().map(share).collect()
}

/// Figures of [`returns_by_bar`].
pub(super) fn summary(
    by_bar: &[f64],
    members: Vec<Option<f64>>,
    overlap: Overlap,
    periods_per_year: f64,
) -> QuantileReturns {
    let count = members.len();
    let of_group = |group: usize| by_bar.iter().skip(group).step_by(count).copied();
    let means: Vec<Option<f64>> =
        (0..count).map(|group| mean(of_group(group).filter(|value| !value.is_nan()))).collect();
    let spread: Vec<f64> =
        by_bar.chunks_exact(count).map(spread_of).filter(|spread| !spread.is_nan()).collect();
    QuantileReturns {
        monotonicity: monotonicity(&means),
        mean: means,
        members,
        spread: spread_statistics(&spread, overlap, periods_per_year),
    }
}

/// Top less bottom group of a bar; NaN unless both have a return.
pub(super) fn spread_of(groups: &[f64]) -> f64 {
    groups[groups.len() - 1] - groups[0]
}

fn monotonicity(means: &[Option<f64>]) -> Option<f64> {
    let means: Option<Vec<f64>> = means.iter().copied().collect();
    let means = means?;
    let numbers: Vec<f64> = (1..=means.len()).map(|group| group as f64).collect();
    // Counted, as there are few of them: those below, and half of the equals.
    let rank = |value: &f64| {
        let below = means.iter().filter(|other| *other < value).count();
        let equal = means.iter().filter(|other| *other == value).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    pearson(&numbers, &means.iter().map(rank).collect::<Vec<f64>>())
}
