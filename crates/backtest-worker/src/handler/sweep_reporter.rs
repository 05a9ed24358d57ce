use std::io;
use std::path::Path;
use std::time::Instant;

use alphafleet_backtest::plan::Objective;
use alphafleet_domain::job::{LogLevel, Progress};
use alphafleet_worker::child::{Context, Stop};

use super::reporter::{FROM, TO};
use crate::pipeline::{SweepProgress, SweepSink, SweepStop};

/// Speaks to the supervisor about a sweep or a share of one.
pub(super) struct SweepReporter<'a> {
    ctx: &'a Context,
    objective: Objective,
    since: Instant,
}

impl<'a> SweepReporter<'a> {
    pub fn new(ctx: &'a Context, objective: Objective) -> Self {
        Self { ctx, objective, since: Instant::now() }
    }
}

impl SweepSink for SweepReporter<'_> {
    fn stage(&self, name: &str, percent: f64) {
        if name == "preparing" {
            // Which began with reading the data.
            return;
        }
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
