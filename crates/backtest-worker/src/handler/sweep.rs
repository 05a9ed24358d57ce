use std::io;
use std::path::Path;
use std::time::Instant;

use alphafleet_backtest::plan::Objective;
use alphafleet_domain::job::{FailureCode, JobKind, LogLevel, Progress};
use alphafleet_specs::BacktestSweepSpec;
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError, Stop};
use chrono::Utc;
use serde_json::json;

use super::bars::Bars;
use super::read;
use super::reporter::{FROM, TO};
use crate::pipeline::{Finished, RunDataset, SweepProgress, SweepRun, SweepSink, SweepStop, sweep};

/// Serves jobs of the kind `backtest_sweep`: all configurations share one panel in memory, and go
/// on from a checkpoint where an earlier attempt ended.
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
        let (bars, signal) = read(assignment, (&spec.backtest, &spec.fundamentals()), ctx)?;
        let Bars { panel, findings, dataset, version } = bars;
        let run = SweepRun {
            plan: &spec.backtest.plan,
            config: &spec.sweep,
            dataset: RunDataset { name: &dataset, version: &version },
            session: &assignment.job.to_string(),
            build: env!("CARGO_PKG_VERSION"),
            scratch: assignment.scratch_folder()?,
            findings: &findings,
            checkpoint: assignment.checkpoint.as_deref(),
            threads: 0,
            now: Utc::now,
        };
        let reporter = Reporter { ctx, objective: spec.sweep.objective, since: Instant::now() };
        let finished = sweep(&run, panel.into(), &[], signal.as_ref(), &reporter)?;
        let Finished { mut summary, files } = finished;
        summary["signal"] = json!(spec.backtest.signal);
        summary["out_of_sample"] = json!(spec.backtest.is_out_of_sample());
        Ok(Completed { result: summary, files, ..Completed::default() })
    }
}

/// Speaks to the supervisor.
struct Reporter<'a> {
    ctx: &'a Context,
    objective: Objective,
    since: Instant,
}

impl SweepSink for Reporter<'_> {
    fn stage(&self, name: &str, percent: f64) {
        if name == "preparing" {
            // Which began with reading the data.
            return;
        }
        let name = if name == "reporting" { "evaluating" } else { name };
        self.ctx.stage(name, percent.max(FROM));
        self.ctx.log(LogLevel::Info, name);
    }

    fn progress(&self, progress: &SweepProgress) {
        let SweepProgress { stage, done, of, best, improved } = *progress;
        if let Some(best) = best.filter(|_| improved) {
            self.ctx.metric(&format!("best_{}", self.objective.as_str()), done as u64, best);
        }
        let count = |runs: usize| u32::try_from(runs).ok();
        let pace = self.since.elapsed().as_secs_f64() * 1_000.0 / done.max(1) as f64;
        self.ctx.progress(Progress {
            percent: FROM + (TO - FROM) * done as f64 / of.max(1) as f64,
            stage: stage.to_owned(),
            message: format!("{done} of {of} runs"),
            epoch: count(done),
            epochs: count(of),
            eta_ms: Some((pace * of.saturating_sub(done) as f64) as u64),
        });
    }

    fn inform(&self, message: &str) {
        self.ctx.log(LogLevel::Info, message);
    }

    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        self.ctx.checkpoint(path)
    }

    fn stop(&self) -> Option<SweepStop> {
        self.ctx.stop().map(|reason| match reason {
            Stop::Cancel => SweepStop::Abandon,
            Stop::Drain | Stop::SoftLimit => SweepStop::Checkpoint,
        })
    }
}
