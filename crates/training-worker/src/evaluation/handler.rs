use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_specs::FactorEvaluationSpec;
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError};

use super::judge::Judge;
use super::output::{self, Outputs};
use super::summary::summary;
use crate::features::market;
use crate::pipeline::prepare::expressions;
use crate::threads::threads;

/// Serves jobs of the kind `factor_evaluation`.
#[derive(Debug, Clone, Copy, Default)]
pub struct EvaluationHandler;

impl Handler for EvaluationHandler {
    fn kind(&self) -> JobKind {
        JobKind::FactorEvaluation
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = FactorEvaluationSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        ctx.stage("preparing", 10.0);
        let (panel, mut findings) = market::panel(assignment, &spec.computation)?;
        let wanted = &spec.computation.features;
        let (factors, own) = expressions(wanted, &panel, &mut findings)?;
        ctx.check()?;
        let mut outputs = Outputs::create(assignment.scratch_folder()?, spec.series)?;
        let judge = Judge {
            panel: &panel,
            factors: &factors,
            own: &own,
            options: &spec.options(),
            threads: threads(spec.computation.threads, assignment.threads),
        };
        let report = judge.run(&mut outputs, ctx)?;
        ctx.stage("storing", output::FROM);
        ctx.check()?;
        let files = outputs.finish(&report, &spec.computation.dataset.name)?;
        ctx.stage("completed", 100.0);
        Ok(Completed { result: summary(&spec, &report, findings), files, ..Completed::default() })
    }
}
