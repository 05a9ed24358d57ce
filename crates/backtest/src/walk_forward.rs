use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alphafleet_factors::DateRange;
use alphafleet_market::Panel;
use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::plan::{Grid, KeyFigures, Objective, Outcome, Plan, Simulation, WalkForwardConfig};
use crate::{BacktestError, CorporateAction, Signal, Sweep, period_bars};

/// Runs that a walk-forward test may make: windows · configurations.
const MOST_RUNS: usize = 1_000_000;

/// A part to choose on, and the days after it to judge the choice by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub train: DateRange,
    pub test: DateRange,
}

/// The windows of a period. The last may be judged on fewer days than the others.
///
/// # Errors
/// A period without room for a window with at least one day to judge.
pub fn walk_forward_windows(
    panel: &Panel,
    period: DateRange,
    config: WalkForwardConfig,
) -> Result<Vec<Window>, BacktestError> {
    let mut days: Vec<NaiveDate> =
        panel.calendar()[period_bars(panel, period)?].iter().map(NaiveDateTime::date).collect();
    days.dedup();
    let WalkForwardConfig { train, test, .. } = config;
    let windows: Vec<Window> = (0..days.len())
        .step_by(config.step().max(1))
        .map_while(|begin: usize| {
            let judged = begin.checked_add(train)?;
            let first = *days.get(judged)?;
            let last = judged.saturating_add(test.saturating_sub(1)).min(days.len() - 1);
            let train = DateRange { start: days[begin], end: *days.get(judged.checked_sub(1)?)? };
            Some(Window { train, test: DateRange { start: first, end: days[last] } })
        })
        .collect();
    if windows.is_empty() {
        return Err(BacktestError::OutOfRange {
            field: "walk_forward.train",
            value: train as f64,
            expected: "fewer days than the period has",
        });
    }
    Ok(windows)
}

/// A walk-forward test (Pardo 1992): in every window the configuration that was best on its past is
/// run on what follows. Runs begin with the plan's capital and without positions.
#[derive(Debug, Clone, Copy)]
pub struct WalkForward<'a> {
    pub panel: &'a Arc<Panel>,
    pub actions: &'a [CorporateAction],
    pub signal: Option<&'a Signal>,
    pub grid: &'a Grid,
    /// The combinations of the grid that can be run.
    pub runnable: &'a [usize],
    pub objective: Objective,
    /// As for a [`Sweep`].
    pub threads: usize,
    pub cancel: &'a AtomicBool,
}

/// What became of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowResult {
    pub window: Window,
    /// The configuration of the grid that was chosen: of those that are alike the first.
    pub configuration: usize,
    pub in_sample: KeyFigures,
    pub out_of_sample: KeyFigures,
    /// The account over the days judged.
    pub returns: Vec<BarReturn>,
}

/// A bar's return after costs, and the benchmark's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BarReturn {
    pub time: NaiveDateTime,
    pub value: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<f64>,
}

impl WalkForward<'_> {
    /// Refuses more than a million runs: windows times combinations of the grid.
    pub fn check(&self, windows: usize) -> Result<(), BacktestError> {
        let runs = windows.saturating_mul(self.grid.configurations());
        if runs <= MOST_RUNS {
            return Ok(());
        }
        Err(BacktestError::OutOfRange {
            field: "walk_forward",
            value: runs as f64,
            expected: "at most 1,000,000 runs, windows times configurations: take longer windows \
                       or fewer values",
        })
    }

    /// Chooses and judges. Nothing after the window's training part is seen when choosing. `told`
    /// hears of every run that is done. None when cancelled.
    ///
    /// # Errors
    /// When no configuration can be run on the training part, or the chosen one not after it.
    pub fn run(
        &self,
        window: Window,
        mut told: impl FnMut(),
    ) -> Result<Option<WindowResult>, BacktestError> {
        let Some((configuration, in_sample)) = self.choose(window.train, &mut told)? else {
            return Ok(None);
        };
        let mut judged = None;
        let digest = |plan: &Plan, outcome: Outcome| (KeyFigures::of(plan, &outcome), outcome);
        self.play(&[configuration], window.test, digest, |_, run| {
            judged = Some(run);
            ControlFlow::Break(())
        })?;
        let Some((out_of_sample, outcome)) = judged.transpose()? else { return Ok(None) };
        let returns = bar_returns(&outcome);
        Ok(Some(WindowResult { window, configuration, in_sample, out_of_sample, returns }))
    }

    fn choose(
        &self,
        train: DateRange,
        told: &mut impl FnMut(),
    ) -> Result<Option<(usize, KeyFigures)>, BacktestError> {
        let mut best: Option<(usize, KeyFigures)> = None;
        let mut refused = None;
        let digest = |plan: &Plan, outcome: Outcome| KeyFigures::of(plan, &outcome);
        let taken = self.play(self.runnable, train, digest, |configuration, run| {
            match run {
                Ok(figures) => {
                    let better =
                        |(_, best): &(usize, KeyFigures)| self.objective.is_better(&figures, best);
                    if best.as_ref().is_none_or(better) {
                        best = Some((configuration, figures));
                    }
                }
                Err(error) => {
                    refused.get_or_insert(error);
                }
            }
            told();
            ControlFlow::Continue(())
        })?;
        match (best, refused) {
            _ if taken < self.runnable.len() => Ok(None),
            (None, Some(error)) => Err(error),
            (best, _) => Ok(best),
        }
    }

    fn play<R: Send>(
        &self,
        configurations: &[usize],
        period: DateRange,
        digest: impl Fn(&Plan, Outcome) -> R + Sync,
        mut take: impl FnMut(usize, Result<R, BacktestError>) -> ControlFlow<()>,
    ) -> Result<usize, BacktestError> {
        let over = |&configuration: &usize| {
            let plan = self.grid.plan(configuration).ok()?;
            Some(plan.with_period(period))
        };
        let Some(first) = configurations.iter().find_map(over) else { return Ok(0) };
        let simulation = Simulation::prepare(&first, self.panel, self.actions)?;
        let (signal, threads, cancel) = (self.signal, self.threads, self.cancel);
        let sweep = Sweep { simulation: &simulation, signal, threads, cancel };
        // All of them can be run: places among the plans are places among the configurations.
        let plans = configurations.iter().filter_map(over);
        Ok(sweep.run(plans, digest, |place, run| take(configurations[place], run)))
    }
}

fn bar_returns(outcome: &Outcome) -> Vec<BarReturn> {
    match outcome {
        Outcome::Qlib(result) => result
            .days
            .iter()
            .map(|day| BarReturn {
                time: day.time,
                value: day.return_rate - day.cost,
                benchmark: day.bench,
            })
            .collect(),
        Outcome::Event(result) => result
            .days
            .iter()
            .map(|day| BarReturn {
                time: day.time,
                value: day.return_rate,
                benchmark: day.benchmark,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
