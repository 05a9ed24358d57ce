use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_specs::BacktestSweepShareSpec;
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError};

use super::read;
use super::sweep_reporter::SweepReporter;
use super::sweep_run::with_run;
use crate::pipeline::{Finished, sweep_share};

/// Serves jobs of the kind `backtest_sweep_share`: some of the runs of a sweep, whose figures it
/// leaves in one file for the sweep's own job. It goes on from a checkpoint where an earlier
/// attempt ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct BacktestSweepShareHandler;

impl Handler for BacktestSweepShareHandler {
    fn kind(&self) -> JobKind {
        JobKind::BacktestSweepShare
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = BacktestSweepShareSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        let BacktestSweepShareSpec { sweep, share } = spec;
        let (bars, signal) = read(assignment, (&sweep.backtest, &sweep.fundamentals()), ctx)?;
        let reporter = SweepReporter::new(ctx, sweep.sweep.objective);
        let finished = with_run(assignment, &sweep, bars, |run, panel| {
            sweep_share(run, share, panel, &[], signal.as_ref(), &reporter)
        })?;
        let Finished { summary, files } = finished;
        Ok(Completed { result: summary, files, ..Completed::default() })
    }
}
