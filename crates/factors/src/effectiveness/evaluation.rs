use alphafleet_market::Panel;
use rayon::prelude::*;

use super::factor::Setting;
use super::options::EffectivenessOptions;
use super::periods::Periods;
use super::report::{EFFECTIVENESS_SCHEMA_VERSION, EffectivenessReport, FactorEffectiveness};
use super::sections::{Ranked, Sections};
use super::subsets::{DatedGroups, Universe};
use super::{check_factors, curves, described, findings_of, forward_returns, ranked, span};
use crate::engine::{compute, pool};
use crate::error::FactorError;
use crate::named::NamedExpr;

/// Values computed at a time: factors beyond are computed when these are done, so that memory
/// does not grow with their number.
const BATCH_CELLS: usize = 250_000_000;

/// An evaluation in steps, so that the caller can tell how far it is and end it in between.
/// [`evaluate`](super::evaluate) is all of them at once: the figures do not depend on the steps.
pub struct Evaluation<'a> {
    panel: &'a Panel,
    /// Not judged yet.
    left: &'a [NamedExpr],
    options: &'a EffectivenessOptions,
    threads: usize,
    pool: rayon::ThreadPool,
    labels: Vec<NamedExpr>,
    sections: Sections,
    /// One a horizon.
    returns: Vec<Ranked>,
    years: Periods,
    months: Periods,
    universes: Vec<Universe>,
    groups: Option<DatedGroups>,
    curve_points: Vec<usize>,
}

impl<'a> Evaluation<'a> {
    /// Checks everything and computes the forward returns.
    ///
    /// # Errors
    /// As for [`evaluate`](super::evaluate), except for fields that the panel lacks.
    pub fn new(
        panel: &'a Panel,
        factors: &'a [NamedExpr],
        options: &'a EffectivenessOptions,
        threads: usize,
    ) -> Result<Self, FactorError> {
        check_factors(factors)?;
        options.validate(panel)?;
        let labels = forward_returns(options)?;
        let frame = compute(panel, &labels, threads)?;
        let pool = pool(threads, factors.len().max(labels.len()))?;
        let calendar = panel.calendar();
        let sections = Sections::new(&frame, panel);
        let returns = pool.install(|| ranked(&sections, &frame));
        let group_field = options.group_field.as_ref();
        Ok(Self {
            universes: Universe::all(&sections, panel, options),
            groups: group_field
                .map(|field| DatedGroups::new(&sections, panel, field))
                .transpose()?,
            years: Periods::years(calendar),
            months: Periods::months(calendar),
            curve_points: curves::points(calendar.len(), options.curve_points),
            left: factors,
            panel,
            options,
            threads,
            pool,
            labels,
            sections,
            returns,
        })
    }

    /// Factors that are not judged yet.
    pub fn left(&self) -> usize {
        self.left.len()
    }

    /// Judges the next factors, in their order: `most` of them, or fewer where so many would take
    /// too much memory at once; none when all are judged.
    ///
    /// # Errors
    /// [`FactorError`] names a factor that reads a field the panel lacks.
    pub fn judge(&mut self, most: usize) -> Result<Vec<FactorEffectiveness>, FactorError> {
        let fitting = (BATCH_CELLS / self.sections.slots().max(1)).max(1);
        let (batch, left) = self.left.split_at(self.left.len().min(most.max(1)).min(fitting));
        if batch.is_empty() {
            return Ok(vec![]);
        }
        let frame = compute(self.panel, batch, self.threads)?;
        let setting = self.setting();
        let judge = |(at, named)| setting.judge(named, frame.column(at));
        let judged = self.pool.install(|| batch.par_iter().enumerate().map(judge).collect());
        self.left = left;
        Ok(judged)
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            options: self.options,
            sections: &self.sections,
            returns: &self.returns,
            years: &self.years,
            months: &self.months,
            universes: &self.universes,
            groups: self.groups.as_ref(),
            curve_points: &self.curve_points,
        }
    }

    /// The report of what was judged.
    pub fn report(self, factors: Vec<FactorEffectiveness>) -> EffectivenessReport {
        let calendar = self.panel.calendar();
        let (start, end) = span(self.panel);
        EffectivenessReport {
            schema_version: EFFECTIVENESS_SCHEMA_VERSION,
            start,
            end,
            bars: calendar.len(),
            instruments: self.panel.instruments().len(),
            returns: described(&self.labels, &self.returns, self.options, &self.sections),
            years: self.years.names,
            months: self.months.names,
            curve_times: self.curve_points.iter().map(|&bar| calendar[bar]).collect(),
            series_times: if self.options.bar_series { calendar.to_vec() } else { vec![] },
            factors,
            findings: findings_of(&self.labels, &self.returns),
            options: self.options.clone(),
        }
    }
}
