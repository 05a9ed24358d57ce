use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_specs::BacktestSweepSpec;
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError};
use serde_json::json;

use super::sweep_reporter::SweepReporter;
use super::sweep_run::with_run;
use super::{read, read_bars, shares};
use crate::pipeline::{Finished, merge_shares, sweep};

/// Serves jobs of the kind `backtest_sweep`. Where its children have run the shares, it makes the
/// whole of what they left; else it runs everything itself, going on from a checkpoint where an
/// earlier attempt ended. Either way the result is the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct BacktestSweepHandler;

impl Handler for BacktestSweepHandler {
    fn kind(&self) -> JobKind {
        JobKind::BacktestSweep
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = BacktestSweepSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        let reporter = SweepReporter::new(ctx, spec.sweep.objective);
        let parts = assignment.typed_inputs()?.parts;
        let given = (&spec.backtest, &spec.fundamentals());
        let finished = if parts.is_empty() {
            let (bars, signal) = read(assignment, given, ctx)?;
            with_run(assignment, &spec, bars, |run, panel| {
                sweep(run, panel, &[], signal.as_ref(), &reporter)
            })
        } else {
            let bars = read_bars(assignment, given, ctx)?;
            let shares = shares::read(assignment, &parts, ctx)?;
            with_run(assignment, &spec, bars, |run, panel| {
                merge_shares(run, panel, shares, &reporter)
            })
        };
        let Finished { mut summary, files } = finished?;
        summary["signals"] = json!(spec.backtest.signals);
        summary["out_of_sample"] = json!(spec.backtest.is_out_of_sample());
        Ok(Completed { result: summary, files, ..Completed::default() })
    }
}
