use std::collections::HashSet;

use alphafleet_domain::job::Progress;
use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, Evaluation, FactorEffectiveness, NamedExpr,
};
use alphafleet_market::Panel;
use alphafleet_worker::child::{Context, HandlerError};

use super::output::{self, Outputs};
use crate::features::compute::without_values;
use crate::pipeline::TrainError;

/// Factors judged in one go: they share parts of their formulas, and a cancel is noticed in
/// between.
const AT_ONCE: usize = 20;
/// The progress that judging begins at.
const FROM: f64 = 20.0;

/// Judges factors in steps.
pub(super) struct Judge<'a> {
    pub panel: &'a Panel,
    pub factors: &'a [NamedExpr],
    /// Names of the person's own factors.
    pub own: &'a HashSet<String>,
    pub options: &'a EffectivenessOptions,
    pub threads: usize,
}

impl Judge<'_> {
    /// Judges all of them, telling how far it is. A person's own factor that has no value at all
    /// is an error; of a set's the report has a finding.
    ///
    /// Each bar's ICs go to their file and not into the report.
    pub(super) fn run(
        &self,
        outputs: &mut Outputs,
        ctx: &Context,
    ) -> Result<EffectivenessReport, HandlerError> {
        let total = self.factors.len();
        self.progress(0, ctx);
        let mut evaluation = Evaluation::new(self.panel, self.factors, self.options, self.threads)
            .map_err(TrainError::from)?;
        let mut judged = Vec::with_capacity(total);
        while evaluation.left() > 0 {
            ctx.check()?;
            let step = evaluation.judge(AT_ONCE).map_err(TrainError::from)?;
            for mut factor in step {
                self.refuse_empty(&factor)?;
                outputs.series(self.panel.calendar(), &mut factor)?;
                judged.push(factor);
                tell(judged.len(), &judged[judged.len() - 1], ctx);
            }
            self.progress(judged.len(), ctx);
        }
        let mut report = evaluation.report(judged);
        report.options.bar_series = false;
        report.series_times = Vec::new();
        Ok(report)
    }

    fn progress(&self, done: usize, ctx: &Context) {
        let total = self.factors.len();
        ctx.progress(Progress {
            stage: "evaluating".to_owned(),
            percent: FROM + (output::FROM - FROM) * done as f64 / total.max(1) as f64,
            message: format!("{done} of {total} factors"),
            ..Progress::default()
        });
    }

    fn refuse_empty(&self, factor: &FactorEffectiveness) -> Result<(), HandlerError> {
        let empty = factor.coverage.present == 0 && self.own.contains(&factor.name);
        if empty { Err(without_values(&factor.name)) } else { Ok(()) }
    }
}

/// The factor's mean ICs over the primary horizon; the step is its number, from 1.
fn tell(number: usize, factor: &FactorEffectiveness, ctx: &Context) {
    let Some(primary) = factor.horizons.first() else { return };
    let figures = [
        ("ic", primary.ic.mean),
        ("icir", primary.ic.icir),
        ("rank_ic", primary.rank_ic.mean),
        ("rank_icir", primary.rank_ic.icir),
    ];
    let known: Vec<(&str, f64)> =
        figures.iter().filter_map(|&(name, value)| Some((name, value?))).collect();
    ctx.metrics(number as u64, &known);
}
