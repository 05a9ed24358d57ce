//! Many plans over one panel in memory, and the choice among them tested walking forward; in one go,
//! or in shares that several workers run.

mod base;
mod html;
mod job;
mod merge;
mod portion;
mod report;
mod share;
mod state;
mod tables;
mod watch;

use std::io;
use std::path::Path;
use std::sync::Arc;

use alphafleet_backtest::plan::{Plan, SweepConfig};
use alphafleet_backtest::{CorporateAction, Signal};
use alphafleet_domain::ArtifactKind;
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_specs::Share;
use alphafleet_worker::child::OutputFile;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{BacktestRunError, Finished, RunDataset};
use base::Base;
use job::{Given, Job};
use portion::Portion;
use report::{Parts, SweepReport};
use state::State;
use watch::watched;

pub use share::SweepShare;

/// The file that a share leaves.
const SHARE_FILE: &str = "share.json";

/// One sweep, complete.
#[derive(Debug, Clone, Copy)]
pub struct SweepRun<'a> {
    /// What the axes are laid over.
    pub plan: &'a Plan,
    pub config: &'a SweepConfig,
    pub dataset: RunDataset<'a>,
    /// Whether prices are raw or adjusted, in words, for the report.
    pub prices: &'a str,
    /// What else the panel and the signal depend on: a checkpoint or a share made of others is not
    /// of this sweep.
    pub inputs: &'a Value,
    pub session: &'a str,
    pub build: &'a str,
    /// An existing folder for the files the run leaves.
    pub scratch: &'a Path,
    pub findings: &'a [Finding],
    /// What an earlier attempt of the same sweep or share handed to [`SweepSink::checkpoint`].
    pub checkpoint: Option<&'a Path>,
    /// Runs at a time; 0 is one a core.
    pub threads: usize,
    pub now: fn() -> DateTime<Utc>,
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepProgress {
    /// `sweeping` or `walking_forward`.
    pub stage: &'static str,
    /// Runs done, those of earlier attempts included, of all there are to do.
    pub done: usize,
    pub of: usize,
    /// The best value of the objective so far.
    pub best: Option<f64>,
    /// Whether the last run was the best so far.
    pub improved: bool,
}

/// Why a sweep is to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepStop {
    /// A later attempt goes on: leave a checkpoint.
    Checkpoint,
    /// Nobody wants it any more.
    Abandon,
}

/// Where a sweep tells what it does. All but `stop` is called on the run's thread.
pub trait SweepSink: Sync {
    /// Entering a stage, with the progress of the whole in percent.
    fn stage(&self, name: &str, percent: f64);

    /// After every run.
    fn progress(&self, progress: &SweepProgress);

    /// Something its owner may want to know.
    fn inform(&self, message: &str);

    /// Takes over a complete checkpoint.
    fn checkpoint(&self, path: &Path) -> io::Result<()>;

    /// Whether to end now; asked ten times a second.
    fn stop(&self) -> Option<SweepStop>;
}

/// Runs every combination of the axes over a panel, and writes what came of it. Memory holds one
/// panel, a row of figures a configuration and few runs at a time.
///
/// Stages, with the progress each begins at: `preparing` 0, `sweeping` 10, `walking_forward`,
/// `evaluating` 90, `completed` 100. Equal inputs give equal tables, to the byte, whatever the
/// number of threads, attempts and shares.
///
/// Files: `sweep.parquet` (a row a configuration), `walk_forward.parquet` (the account out of
/// sample, a row a bar), `report.json`, `report.html`.
///
/// # Errors
/// [`BacktestRunError::Stopped`] when the sink asked for it; a fault of axes or windows; no
/// configuration that can be run.
pub fn sweep(
    run: &SweepRun<'_>,
    panel: Arc<Panel>,
    actions: &[CorporateAction],
    signal: Option<&Signal>,
    sink: &dyn SweepSink,
) -> Result<Finished, BacktestRunError> {
    watched(sink, |cancel| {
        let base = Base::prepare(run, panel, sink)?;
        let portion = Portion::whole(&base, cancel)?;
        let job = Job::new(&base, &portion, Given { actions, signal }, (sink, cancel))?;
        let mut state = job.resumed();
        job.sweep(&mut state)?;
        state.check_any_ran()?;
        job.walk_forward(&mut state)?;
        conclude(&base, &portion.runnable, &state, sink, || job.check(&state))
    })
}

/// Runs a share of a sweep and leaves its figures in the file `share.json`, which [`SweepShare`]
/// reads. It is no error if none of its configurations can be run.
///
/// Stages: `preparing` 0, `sweeping` or `walking_forward` 10, `completed` 100.
///
/// # Errors
/// As of [`sweep`].
pub fn sweep_share(
    run: &SweepRun<'_>,
    share: Share,
    panel: Arc<Panel>,
    actions: &[CorporateAction],
    signal: Option<&Signal>,
    sink: &dyn SweepSink,
) -> Result<Finished, BacktestRunError> {
    watched(sink, |cancel| {
        let base = Base::prepare(run, panel, sink)?;
        let portion = Portion::of(&base, share, cancel)?;
        let job = Job::new(&base, &portion, Given { actions, signal }, (sink, cancel))?;
        let mut state = job.resumed();
        job.sweep(&mut state)?;
        job.walk_forward(&mut state)?;
        job.check(&state)?;
        let file = OutputFile::new(ArtifactKind::Share, SHARE_FILE, run.scratch.join(SHARE_FILE));
        state.write(&file.path)?;
        sink.stage("completed", 100.0);
        let summary = json!({
            "share": share,
            "runs": portion.runs.len(),
            "ran": state.rows.iter().filter(|row| row.figures.is_some()).count(),
            "windows": state.windows.len(),
        });
        Ok(Finished { summary, files: vec![file] })
    })
}

/// Makes the whole of a sweep's shares, given in any order: files, report and summary are those of
/// [`sweep`] over the same panel. Nothing is run again.
///
/// Stages: `preparing` 0, `evaluating` 90, `completed` 100.
///
/// # Errors
/// A share of another sweep or other data; a combination or window that is in no share, or in two;
/// no configuration that could be run.
pub fn merge_shares(
    run: &SweepRun<'_>,
    panel: Arc<Panel>,
    shares: Vec<SweepShare>,
    sink: &dyn SweepSink,
) -> Result<Finished, BacktestRunError> {
    let check = || sink.stop().map_or(Ok(()), |_| Err(BacktestRunError::Stopped));
    let mut base = Base::prepare(run, panel, sink)?;
    let runnable = base.runnable(0..base.grid.configurations(), || sink.stop().is_some())?;
    let state = merge::merged(&mut base, &runnable, shares)?;
    state.check_any_ran()?;
    conclude(&base, &runnable, &state, sink, check)
}

/// Writes what came of all runs.
fn conclude(
    base: &Base<'_>,
    runnable: &[usize],
    state: &State,
    sink: &dyn SweepSink,
    check: impl Fn() -> Result<(), BacktestRunError>,
) -> Result<Finished, BacktestRunError> {
    sink.stage("evaluating", 90.0);
    let mut files = tables::write(base.run.scratch, &base.grid, runnable, state)?;
    check()?;
    let report = SweepReport::new(&Parts { base, runnable, state })?;
    check()?;
    files.extend(report.write(base.run.scratch)?);
    sink.stage("completed", 100.0);
    Ok(Finished { summary: report.summary(), files })
}
