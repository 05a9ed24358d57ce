use std::ops::Range;
use std::sync::Arc;

use alphafleet_backtest::analysis::Convention;
use alphafleet_backtest::plan::{Grid, Plan};
use alphafleet_backtest::{Window, period_bars, walk_forward_windows};
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use chrono::{DateTime, NaiveDateTime, Utc};

use super::super::{BacktestRunError, finding, prepare};
use super::{SweepRun, SweepSink};
use crate::intraday::Intraday;

/// Returns that are kept for White's reality check: configurations · bars.
const MOST_RETURNS: usize = 1_000_000;

/// The plan with the bars a year that bars at these times have, and what is to be known of them.
/// Those of Qlib's engine are no part of a plan.
fn annualised(plan: &Plan, times: &[NaiveDateTime]) -> (Plan, Option<Finding>) {
    let (given, mut plan) = (plan.convention(), plan.clone());
    let found = Intraday::of(given, times).map(|intraday| match &mut plan {
        Plan::Event(event) => {
            event.config.bars_per_year = given.of_bars(times).bars_per_year;
            intraday.finding()
        }
        Plan::Qlib(_) => {
            let message = format!(
                "annual figures count {} bars a year, as of daily bars, though a day has {:.0}: \
                 Qlib's engine is daily, compare total returns",
                given.bars_per_year, intraday.bars_per_day
            );
            finding("warning", "intraday_bars", message)
        }
    });
    (plan, found)
}

/// What a sweep, its shares and the whole that is made of them have in common: all of it follows
/// from the run and the panel.
pub(super) struct Base<'a> {
    pub run: &'a SweepRun<'a>,
    pub started: DateTime<Utc>,
    pub panel: Arc<Panel>,
    pub findings: Vec<Finding>,
    /// Of all figures.
    pub convention: Convention,
    pub grid: Grid,
    /// Of the walk-forward test; empty without one.
    pub windows: Vec<Window>,
    /// Bars of the period.
    pub bars: usize,
}

impl<'a> Base<'a> {
    pub fn prepare(
        run: &'a SweepRun<'a>,
        panel: Arc<Panel>,
        sink: &dyn SweepSink,
    ) -> Result<Self, BacktestRunError> {
        let started = (run.now)();
        sink.stage("preparing", 0.0);
        let mut findings = run.findings.to_vec();
        let panel = prepare::prepare(run.plan, panel, &mut findings)?;
        let period = period_bars(&panel, run.plan.period())?;
        let (plan, annual) = annualised(run.plan, &panel.calendar()[period.clone()]);
        findings.extend(annual);
        for found in &findings[run.findings.len()..] {
            sink.inform(&found.message);
        }
        let grid = Grid::new(&plan, run.config.axes.clone())?;
        let (bars, convention) = (period.len(), plan.convention());
        let windows = match run.config.walk_forward {
            Some(walk) => walk_forward_windows(&panel, run.plan.period(), walk)?,
            None => Vec::new(),
        };
        Ok(Self { run, started, panel, findings, convention, grid, windows, bars })
    }

    /// The combinations among these that are plans. Of many that takes seconds: it ends when asked.
    pub fn runnable(
        &self,
        among: Range<usize>,
        stopped: impl Fn() -> bool,
    ) -> Result<Vec<usize>, BacktestRunError> {
        let mut runnable = Vec::with_capacity(among.len());
        for configuration in among {
            if stopped() {
                return Err(BacktestRunError::Stopped);
            }
            if self.grid.plan(configuration).is_ok() {
                runnable.push(configuration);
            }
        }
        Ok(runnable)
    }

    /// Whether there are few enough returns for White's reality check. Combinations that are no
    /// plans count too, so that a share knows without looking at those of the others.
    pub fn keeps_returns(&self) -> bool {
        self.grid.configurations().saturating_mul(self.bars) <= MOST_RETURNS
    }
}
