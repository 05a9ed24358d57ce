//! Many plans over one panel in memory, and the choice among them tested walking forward.

mod html;
mod report;
mod state;
mod tables;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use alphafleet_backtest::plan::{Grid, Objective, Plan, Simulation, SweepConfig};
use alphafleet_backtest::{
    CorporateAction, Signal, Sweep, WalkForward, Window, walk_forward_windows,
};
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use chrono::{DateTime, Utc};

use super::{BacktestRunError, Finished, RunDataset, prepare};
use report::{Parts, SweepReport};
use state::{Row, State};

/// How often finished runs are kept for a later attempt.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);
/// How often the sink is asked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Returns that are kept in memory for White's reality check: configurations · bars.
const MOST_RETURNS: usize = 1_000_000;

/// One sweep, complete.
#[derive(Debug, Clone, Copy)]
pub struct SweepRun<'a> {
    /// What the axes are laid over.
    pub plan: &'a Plan,
    pub config: &'a SweepConfig,
    pub dataset: RunDataset<'a>,
    pub session: &'a str,
    pub build: &'a str,
    /// An existing folder for the files the run leaves.
    pub scratch: &'a Path,
    pub findings: &'a [Finding],
    /// What an earlier attempt of the same sweep handed to [`SweepSink::checkpoint`].
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
/// `reporting` 90, `completed` 100. Equal inputs give equal tables, to the byte, whatever the
/// number of threads and attempts.
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
    let cancel = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(Arc::new(AtomicBool::new(false)));
        let (is_over, cancel) = (Arc::clone(&over.0), &cancel);
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                if sink.stop().is_some() {
                    cancel.store(true, Ordering::Relaxed);
                }
                thread::sleep(LOOK_EVERY);
            }
        });
        let job = Job::prepare(run, panel, actions, signal, sink, cancel)?;
        job.run()
    })
}

/// Ends the watch however the run ends.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A sweep whose data and plans are ready.
struct Job<'a> {
    run: &'a SweepRun<'a>,
    started: DateTime<Utc>,
    panel: Arc<Panel>,
    actions: &'a [CorporateAction],
    signal: Option<&'a Signal>,
    sink: &'a dyn SweepSink,
    cancel: &'a AtomicBool,
    findings: Vec<Finding>,
    grid: Grid,
    /// The combinations that are plans.
    runnable: Vec<usize>,
    simulation: Simulation,
    windows: Vec<Window>,
}

impl<'a> Job<'a> {
    fn prepare(
        run: &'a SweepRun<'a>,
        panel: Arc<Panel>,
        actions: &'a [CorporateAction],
        signal: Option<&'a Signal>,
        sink: &'a dyn SweepSink,
        cancel: &'a AtomicBool,
    ) -> Result<Self, BacktestRunError> {
        let started = (run.now)();
        sink.stage("preparing", 0.0);
        let grid = Grid::new(run.plan, run.config.axes.clone())?;
        let mut findings = run.findings.to_vec();
        let panel = prepare::prepare(run.plan, panel, &mut findings)?;
        for found in &findings[run.findings.len()..] {
            sink.inform(&found.message);
        }
        let runnable: Vec<usize> =
            (0..grid.configurations()).filter(|&place| grid.plan(place).is_ok()).collect();
        let simulation = Simulation::prepare(run.plan, &panel, actions)?;
        let windows = match run.config.walk_forward {
            Some(walk) => walk_forward_windows(&panel, run.plan.period(), walk)?,
            None => Vec::new(),
        };
        let job = Self {
            run,
            started,
            panel,
            actions,
            signal,
            sink,
            cancel,
            findings,
            grid,
            runnable,
            simulation,
            windows,
        };
        job.walk().check(job.windows.len())?;
        Ok(job)
    }

    fn run(self) -> Result<Finished, BacktestRunError> {
        let mut state = self.resumed();
        self.sink.stage("sweeping", 10.0);
        self.sweep(&mut state)?;
        if state.rows.iter().all(|row| row.figures.is_none()) {
            let reason = state.rows.iter().find_map(|row| row.fault.clone());
            let (configurations, reason) = (self.runnable.len(), reason.unwrap_or_default());
            return Err(BacktestRunError::NoneRan { configurations, reason });
        }
        if !self.windows.is_empty() {
            self.sink.stage("walking_forward", self.percent(self.runnable.len()));
            self.walk_forward(&mut state)?;
        }
        self.sink.stage("reporting", 90.0);
        let mut files = tables::write(self.run.scratch, &self.grid, &self.runnable, &state)?;
        let report = SweepReport::new(&Parts {
            run: self.run,
            findings: &self.findings,
            grid: &self.grid,
            runnable: &self.runnable,
            bars: self.simulation.bars(),
            state: &state,
            started: self.started,
        })?;
        self.check(&state)?;
        files.extend(report.write(self.run.scratch)?);
        self.sink.stage("completed", 100.0);
        Ok(Finished { summary: report.summary(), files })
    }

    /// What an earlier attempt had done, if that was the same sweep.
    fn resumed(&self) -> State {
        let begun = State::new(self.run, self.keeps_returns());
        let Some(path) = self.run.checkpoint else { return begun };
        match State::read(path).filter(|state| state.is_of(&begun)) {
            Some(state) => {
                let (done, of) = (state.runs(self.runnable.len()), self.runs());
                self.sink.inform(&format!("goes on after {done} of {of} runs"));
                state
            }
            None => {
                self.sink.inform("the checkpoint is of another sweep: begins anew");
                begun
            }
        }
    }

    fn keeps_returns(&self) -> bool {
        self.runnable.len().saturating_mul(self.simulation.bars()) <= MOST_RETURNS
    }

    fn runs(&self) -> usize {
        self.runnable.len() * (1 + self.windows.len())
    }

    fn percent(&self, done: usize) -> f64 {
        10.0 + 80.0 * done as f64 / self.runs().max(1) as f64
    }

    fn sweep(&self, state: &mut State) -> Result<(), BacktestRunError> {
        let Job { signal, cancel, .. } = *self;
        let sweep =
            Sweep { simulation: &self.simulation, signal, threads: self.run.threads, cancel };
        let plans = self.runnable[state.rows.len()..]
            .iter()
            .filter_map(|&configuration| self.grid.plan(configuration).ok());
        let keeps_returns = self.keeps_returns();
        let bars = self.simulation.bars();
        let digest = |plan: &Plan, outcome| Row::of(plan, &outcome, keeps_returns.then_some(bars));
        let mut best = Best::of(self.run.config.objective, &state.rows);
        let mut kept = Instant::now();
        let mut failed = None;
        sweep.run(plans, digest, |_, row| {
            let row = row.unwrap_or_else(|error| Row::refused(error.to_string()));
            let improved = best.take(&row);
            state.rows.push(row);
            self.tell("sweeping", state.rows.len(), (best.value, improved));
            if kept.elapsed() >= CHECKPOINT_EVERY {
                kept = Instant::now();
                if let Err(error) = self.keep(state) {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        failed.map_or(Ok(()), Err)?;
        self.check(state)
    }

    fn walk(&self) -> WalkForward<'_> {
        WalkForward {
            panel: &self.panel,
            actions: self.actions,
            signal: self.signal,
            grid: &self.grid,
            runnable: &self.runnable,
            objective: self.run.config.objective,
            threads: self.run.threads,
            cancel: self.cancel,
        }
    }

    fn walk_forward(&self, state: &mut State) -> Result<(), BacktestRunError> {
        let best = Best::of(self.run.config.objective, &state.rows).value;
        let walk = self.walk();
        let mut kept = Instant::now();
        while let Some(&window) = self.windows.get(state.windows.len()) {
            let mut done = state.runs(self.runnable.len());
            let told = || {
                done += 1;
                self.tell("walking_forward", done, (best, false));
            };
            let Some(result) = walk.run(window, told)? else {
                return self.check(state).and(Err(BacktestRunError::Stopped));
            };
            state.windows.push(result);
            if kept.elapsed() >= CHECKPOINT_EVERY {
                kept = Instant::now();
                self.keep(state)?;
            }
            self.check(state)?;
        }
        Ok(())
    }

    fn tell(&self, stage: &'static str, done: usize, (best, improved): (Option<f64>, bool)) {
        let of = self.runs();
        self.sink.progress(&SweepProgress { stage, done, of, best, improved });
    }

    /// Ends as asked, with a checkpoint where a later attempt goes on.
    fn check(&self, state: &State) -> Result<(), BacktestRunError> {
        match self.sink.stop() {
            None if self.cancel.load(Ordering::Relaxed) => Err(BacktestRunError::Stopped),
            None => Ok(()),
            Some(SweepStop::Abandon) => Err(BacktestRunError::Stopped),
            Some(SweepStop::Checkpoint) => {
                self.keep(state)?;
                Err(BacktestRunError::Stopped)
            }
        }
    }

    fn keep(&self, state: &State) -> Result<(), BacktestRunError> {
        let path = self.run.scratch.join("sweep.checkpoint");
        state.write(&path)?;
        self.sink.checkpoint(&path).map_err(|source| BacktestRunError::Write { path, source })
    }
}

/// The best value of the objective so far.
struct Best {
    objective: Objective,
    value: Option<f64>,
}

impl Best {
    fn of(objective: Objective, rows: &[Row]) -> Self {
        let mut best = Self { objective, value: None };
        for row in rows {
            best.take(row);
        }
        best
    }

    fn take(&mut self, row: &Row) -> bool {
        let value = row.figures.as_ref().and_then(|figures| self.objective.of(figures));
        let better = value > self.value;
        if better {
            self.value = value;
        }
        better
    }
}
