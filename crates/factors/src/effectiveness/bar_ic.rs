use super::sections::{Ranked, Section, Sections};
use crate::correlation::{mean_ranks, pearson};
use crate::ic::BarIc;

/// Room for the correlations of one factor, used again from bar to bar.
#[derive(Default)]
pub(super) struct Correlator {
    pairs: Vec<(u32, u32)>,
    left: Side,
    right: Side,
}

#[derive(Default)]
struct Side {
    paired: Vec<bool>,
    order: Vec<u32>,
    ranks: Vec<f32>,
    numbers: Vec<f64>,
}

impl Correlator {
    /// IC and rank IC of each bar that has them, over the slots `include` says yes to.
    pub(super) fn series(
        &mut self,
        sections: &Sections,
        factor: &Ranked,
        outcome: &Ranked,
        include: impl Fn(usize) -> bool,
    ) -> Vec<BarIc> {
        let mut series = vec![];
        for bar in 0..sections.bars() {
            let first = sections.slots_of(bar).start;
            let (factor, outcome) = (factor.section(bar), outcome.section(bar));
            let both = factor.values.iter().zip(outcome.values).enumerate();
            let both =
                both.filter(|(at, (x, y))| !x.is_nan() && !y.is_nan() && include(first + at));
            self.pairs.clear();
            self.pairs.extend(both.map(|(at, _)| (at as u32, at as u32)));
            series.extend(self.bar(bar, &factor, &outcome));
        }
        series
    }

    fn bar(&mut self, bar: usize, factor: &Section<'_>, outcome: &Section<'_>) -> Option<BarIc> {
        if self.pairs.len() < 2 {
            return None;
        }
        self.left.take(factor.values, self.pairs.iter().map(|pair| pair.0));
        self.right.take(outcome.values, self.pairs.iter().map(|pair| pair.1));
        let ic = pearson(&self.left.numbers, &self.right.numbers)?;
        let rank_ic = self.rank_correlation(factor, outcome)?;
        Some(BarIc { bar: bar as u32, ic, rank_ic, instruments: self.pairs.len() })
    }

    /// Spearman's correlation of two sections of different bars, over the pairs of places given.
    pub(super) fn spearman(
        &mut self,
        left: &Section<'_>,
        right: &Section<'_>,
        pairs: impl Iterator<Item = (u32, u32)>,
    ) -> Option<f64> {
        self.pairs.clear();
        self.pairs.extend(pairs);
        self.rank_correlation(left, right)
    }

    fn rank_correlation(&mut self, left: &Section<'_>, right: &Section<'_>) -> Option<f64> {
        self.left.take_ranks(left, self.pairs.iter().map(|pair| pair.0));
        self.right.take_ranks(right, self.pairs.iter().map(|pair| pair.1));
        pearson(&self.left.numbers, &self.right.numbers)
    }
}

impl Side {
    fn take(&mut self, values: &[f32], places: impl Iterator<Item = u32>) {
        self.numbers.clear();
        self.numbers.extend(places.map(|at| f64::from(values[at as usize])));
    }

    /// The section's own ranks where every value is in a pair, else those among the pairs: they
    /// keep the section's order, so nothing is sorted again.
    fn take_ranks(
        &mut self,
        section: &Section<'_>,
        places: impl ExactSizeIterator<Item = u32> + Clone,
    ) {
        if places.len() == section.present() {
            return self.take(section.ranks, places);
        }
        self.paired.clear();
        self.paired.resize(section.values.len(), false);
        places.clone().for_each(|at| self.paired[at as usize] = true);
        let Self { paired, order, ranks, .. } = self;
        order.clear();
        order.extend(section.order.iter().filter(|&&at| paired[at as usize]));
        ranks.resize(section.values.len(), f32::NAN);
        mean_ranks(section.values, order, |at, rank| ranks[at] = rank);
        self.numbers.clear();
        self.numbers.extend(places.map(|at| f64::from(self.ranks[at as usize])));
    }
}
