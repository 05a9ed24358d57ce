use super::bar_ic::Correlator;
use super::coverage::{coverage, shares};
use super::curves::Summed;
use super::findings::findings;
use super::half_life::half_life;
use super::options::EffectivenessOptions;
use super::periods::Periods;
use super::quantiles::{Groups, mean_members, returns_by_bar, summary};
use super::report::{
    FactorEffectiveness, HalfLife, HorizonEffectiveness, IcSeries, SubsetEffectiveness, SubsetIc,
};
use super::sections::{Ranked, Sections};
use super::statistics::{Overlap, ic_statistics, mean};
use super::subsets::{DatedGroups, Universe};
use super::turnover::turnover;
use crate::ic::BarIc;
use crate::named::NamedExpr;

/// What every factor is held against; made once.
pub(super) struct Setting<'a> {
    pub options: &'a EffectivenessOptions,
    pub sections: &'a Sections,
    /// One a horizon.
    pub returns: &'a [Ranked],
    pub years: &'a Periods,
    pub months: &'a Periods,
    pub universes: &'a [Universe],
    pub groups: Option<&'a DatedGroups>,
    pub curve_points: &'a [usize],
}

impl Setting<'_> {
    /// All figures of one factor, given its column.
    pub(super) fn judge(&self, named: &NamedExpr, column: &[f32]) -> FactorEffectiveness {
        let factor = Ranked::new(self.sections, column);
        let groups = Groups::new(self.sections, &factor, self.options.quantiles);
        let mut correlator = Correlator::default();
        let members = mean_members(self.sections, &groups);
        let shares = shares(self.sections, &factor);
        let mut horizons = vec![];
        let mut primary = (vec![], vec![]);
        for (&horizon, returns) in self.options.horizons.iter().zip(self.returns) {
            let ic = correlator.series(self.sections, &factor, returns, |_| true);
            let by_bar = returns_by_bar(self.sections, &groups, returns);
            let (overlap, yearly) = (self.overlap(horizon), self.options.periods_per_year);
            horizons.push(HorizonEffectiveness {
                quantiles: summary(&by_bar, members.clone(), overlap, yearly),
                ..self.horizon(horizon, &ic)
            });
            if horizons.len() == 1 {
                primary = (ic, by_bar);
            }
        }
        let (ic, by_bar) = primary;
        let summed = Summed {
            ic: &ic,
            by_bar: &by_bar,
            quantiles: self.options.quantiles,
            horizon: self.options.horizons[0],
            coverage: &shares,
        };
        let coverage = coverage(self.sections, &factor, &shares);
        FactorEffectiveness {
            name: named.name.clone(),
            expression: named.expr.to_string(),
            half_life: half_lives(&horizons),
            turnover: turnover(self.sections, &factor, &groups, &self.lags(), &mut correlator),
            curves: summed.at(self.curve_points),
            universes: self.universes(&factor, &mut correlator),
            groups: self.groups(&factor),
            findings: findings(self.sections.bars(), &coverage, &ic, &horizons[0]),
            coverage,
            horizons,
        }
    }

    fn overlap(&self, horizon: usize) -> Overlap {
        Overlap { horizon, lags: self.options.newey_west_lags }
    }

    fn horizon(&self, horizon: usize, ic: &[BarIc]) -> HorizonEffectiveness {
        let SubsetIc { horizon, ic: plain, rank_ic } = self.subset_ic(horizon, ic);
        HorizonEffectiveness {
            horizon,
            ic: plain,
            rank_ic,
            instruments: mean(ic.iter().map(|bar| bar.instruments as f64)),
            quantiles: Default::default(),
            years: self.years.means(ic),
            months: self.months.means(ic),
            series: self.options.bar_series.then(|| series(self.sections.bars(), ic)),
        }
    }

    fn subset_ic(&self, horizon: usize, ic: &[BarIc]) -> SubsetIc {
        let statistics = |value: fn(&BarIc) -> f64| {
            let series: Vec<f64> = ic.iter().map(value).collect();
            ic_statistics(&series, self.overlap(horizon), self.options.periods_per_year)
        };
        SubsetIc { horizon, ic: statistics(|bar| bar.ic), rank_ic: statistics(|bar| bar.rank_ic) }
    }

    /// One bar and each horizon, ascending.
    fn lags(&self) -> Vec<usize> {
        let mut lags = self.options.horizons.clone();
        lags.push(1);
        lags.sort_unstable();
        lags.dedup();
        lags
    }

    fn universes(&self, factor: &Ranked, correlator: &mut Correlator) -> Vec<SubsetEffectiveness> {
        let mut judge = |universe: &Universe| {
            let horizons = self.options.horizons.iter().zip(self.returns);
            let horizons = horizons.map(|(&horizon, returns)| {
                let includes = |slot: usize| universe.includes[slot];
                let ic = correlator.series(self.sections, factor, returns, includes);
                self.subset_ic(horizon, &ic)
            });
            SubsetEffectiveness { name: universe.name.clone(), horizons: horizons.collect() }
        };
        self.universes.iter().map(&mut judge).collect()
    }

    fn groups(&self, factor: &Ranked) -> Vec<SubsetEffectiveness> {
        let Some(groups) = self.groups else { return vec![] };
        let series = groups.series(factor, &self.returns[0]);
        let judged = groups.numbers.iter().zip(series).map(|(number, ic)| SubsetEffectiveness {
            name: number.to_string(),
            horizons: vec![self.subset_ic(self.options.horizons[0], &ic)],
        });
        judged.collect()
    }
}

fn half_lives(horizons: &[HorizonEffectiveness]) -> HalfLife {
    let of = |value: fn(&HorizonEffectiveness) -> Option<f64>| {
        let mut means: Vec<_> =
            horizons.iter().map(|horizon| (horizon.horizon, value(horizon))).collect();
        means.sort_unstable_by_key(|(horizon, _)| *horizon);
        half_life(&means)
    };
    HalfLife { ic: of(|horizon| horizon.ic.mean), rank_ic: of(|horizon| horizon.rank_ic.mean) }
}

fn series(bars: usize, ic: &[BarIc]) -> IcSeries {
    let mut series =
        IcSeries { ic: vec![None; bars], rank_ic: vec![None; bars], instruments: vec![0; bars] };
    for bar in ic {
        let at = bar.bar as usize;
        series.ic[at] = Some(bar.ic as f32);
        series.rank_ic[at] = Some(bar.rank_ic as f32);
        series.instruments[at] = bar.instruments as u32;
    }
    series
}
