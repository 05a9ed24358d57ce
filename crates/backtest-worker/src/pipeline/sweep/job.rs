use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use alphafleet_backtest::plan::{Objective, Outcome, Plan, Simulation};
use alphafleet_backtest::{
    BacktestError, CorporateAction, Signal, Sweep, WalkForward, WindowResult,
};
use alphafleet_worker::child::explain;

use super::super::BacktestRunError;
use super::base::Base;
use super::portion::Portion;
use super::state::{Row, State, is_finite};
use super::{SweepProgress, SweepSink, SweepStop};

/// How often finished runs are kept for a later attempt.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(20);

/// What runs go by, besides their plans.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub actions: &'a [CorporateAction],
    pub signal: Option<&'a Signal>,
}

/// Runs that are under way.
pub(super) struct Job<'a> {
    base: &'a Base<'a>,
    portion: &'a Portion,
    given: Given<'a>,
    sink: &'a dyn SweepSink,
    cancel: &'a AtomicBool,
    simulation: Simulation,
}

impl<'a> Job<'a> {
    pub fn new(
        base: &'a Base<'a>,
        portion: &'a Portion,
        given: Given<'a>,
        (sink, cancel): (&'a dyn SweepSink, &'a AtomicBool),
    ) -> Result<Self, BacktestRunError> {
        let simulation = Simulation::prepare(base.run.plan, &base.panel, given.actions)?;
        let job = Self { base, portion, given, sink, cancel, simulation };
        job.walk().check(base.windows.len())?;
        Ok(job)
    }

    /// What an earlier attempt had done, if that was the same.
    pub fn resumed(&self) -> State {
        let begun = State::new(self.base, self.portion.share);
        let Some(path) = self.base.run.checkpoint else { return begun };
        match State::read(path).filter(|state| state.goes_on_from(&begun)) {
            Some(state) => {
                let (done, of) = (self.done(&state), self.portion.len());
                self.sink.inform(&format!("goes on after {done} of {of} runs"));
                state
            }
            None => {
                self.sink.inform("the checkpoint is of another sweep: begins anew");
                begun
            }
        }
    }

    /// The combinations over the whole period.
    pub fn sweep(&self, state: &mut State) -> Result<(), BacktestRunError> {
        if self.portion.runs.is_empty() {
            return Ok(());
        }
        self.sink.stage("sweeping", 10.0);
        let (signal, cancel, threads) = (self.given.signal, self.cancel, self.base.run.threads);
        let sweep = Sweep { simulation: &self.simulation, signal, threads, cancel };
        let left = self.portion.runs.start + state.rows.len()..self.portion.runs.end;
        let plans = self.portion.runnable[left]
            .iter()
            .filter_map(|&configuration| self.base.grid.plan(configuration).ok());
        let bars = self.base.keeps_returns().then_some(self.base.bars);
        let digest = |plan: &Plan, outcome: Outcome| Row::of(plan, &outcome, bars);
        let mut best = Best::of(self.base.run.config.objective, &state.rows);
        let mut kept = Instant::now();
        let mut failed = None;
        sweep.run(plans, digest, |_, row| {
            let row = row.unwrap_or_else(|error| Row::refused(explain(&error)));
            let improved = best.take(&row);
            state.rows.push(row);
            self.tell("sweeping", self.done(state), (best.value, improved));
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

    /// The windows, each with the choice in it.
    pub fn walk_forward(&self, state: &mut State) -> Result<(), BacktestRunError> {
        if self.portion.windows.is_empty() {
            return Ok(());
        }
        let done = self.portion.runs.len() as f64 / self.portion.len().max(1) as f64;
        self.sink.stage("walking_forward", 10.0 + 80.0 * done);
        let best = Best::of(self.base.run.config.objective, &state.rows).value;
        let walk = self.walk();
        let mut kept = Instant::now();
        while let Some(&number) = self.portion.windows.get(state.windows.len()) {
            let mut done = self.done(state);
            let told = || {
                done += 1;
                self.tell("walking_forward", done, (best, false));
            };
            let Some(result) = walk.run(self.base.windows[number], told)? else {
                return self.check(state).and(Err(BacktestRunError::Stopped));
            };
            check_finite(&result)?;
            state.windows.push(result);
            if kept.elapsed() >= CHECKPOINT_EVERY {
                kept = Instant::now();
                self.keep(state)?;
            }
            self.check(state)?;
        }
        Ok(())
    }

    fn walk(&self) -> WalkForward<'_> {
        WalkForward {
            panel: &self.base.panel,
            actions: self.given.actions,
            signal: self.given.signal,
            grid: &self.base.grid,
            runnable: &self.portion.runnable,
            objective: self.base.run.config.objective,
            threads: self.base.run.threads,
            cancel: self.cancel,
        }
    }

    fn done(&self, state: &State) -> usize {
        self.portion.done(state.rows.len(), state.windows.len())
    }

    fn tell(&self, stage: &'static str, done: usize, (best, improved): (Option<f64>, bool)) {
        let of = self.portion.len();
        self.sink.progress(&SweepProgress { stage, done, of, best, improved });
    }

    /// Ends as asked, with a checkpoint where a later attempt goes on.
    pub fn check(&self, state: &State) -> Result<(), BacktestRunError> {
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
        let path = self.base.run.scratch.join("sweep.checkpoint");
        state.write(&path)?;
        self.sink.checkpoint(&path).map_err(|source| BacktestRunError::Write { path, source })
    }
}

/// Refuses what cannot be written down.
fn check_finite(result: &WindowResult) -> Result<(), BacktestError> {
    let odd = result.returns.iter().map(|bar| bar.value).find(|value| !value.is_finite());
    let figures = [&result.in_sample, &result.out_of_sample];
    let costs = figures.iter().find(|figures| !is_finite(figures)).map(|figures| figures.costs);
    match odd.or(costs) {
        Some(value) => Err(BacktestError::OutOfRange {
            field: "a return or the costs of a window",
            value,
            expected: "a finite number: check the prices of its days",
        }),
        None => Ok(()),
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
