use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_market::{Panel, is_index_code};
use chrono::NaiveDateTime;

use super::Plan;
use super::strategy::MISSING_SIGNAL;
use crate::engine::{BacktestResult, run};
use crate::market::{CorporateAction, Market};
use crate::period::period_bars;
use crate::qlib::{QlibMarket, QlibResult, run_qlib};
use crate::{BacktestError, Signal};

/// A plan made ready to run over a panel. Running it leaves it as it is: many runs may share one.
#[derive(Debug)]
pub struct Simulation {
    market: Prepared,
    bars: usize,
}

#[derive(Debug)]
enum Prepared {
    Qlib(Box<QlibMarket>),
    Event(Market),
}

/// The account at the close of a bar, whatever the engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub time: NaiveDateTime,
    /// The bar of the period, from 0, and how many there are.
    pub step: usize,
    pub bars: usize,
    pub equity: f64,
    /// Return of the bar after costs.
    pub return_rate: f64,
    /// Return of the benchmark at the bar.
    pub benchmark: Option<f64>,
    /// Worth of the bar's trades over the equity before.
    pub turnover: f64,
    /// Costs of the bar in money.
    pub costs: f64,
}

/// What a run leaves, by engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Qlib(QlibResult),
    Event(BacktestResult),
}

impl Simulation {
    /// Lays the panel out for the plan's engine. Corporate actions go with raw prices, and only
    /// with the event-driven engine. There an index cannot be held: one is traded only if the
    /// strategy names it.
    pub fn prepare(
        plan: &Plan,
        panel: &Arc<Panel>,
        actions: &[CorporateAction],
    ) -> Result<Self, BacktestError> {
        plan.validate()?;
        let bars = period_bars(panel, plan.period())?.len();
        let market = match plan {
            Plan::Qlib(config) => Prepared::Qlib(Box::new(QlibMarket::prepare(
                panel,
                &config.exchange,
                config.period,
            )?)),
            Plan::Event(event) => {
                let named = event.strategy.instruments();
                let only = |name: &str| is_index_code(name) && !named.contains(&name);
                Prepared::Event(Market::prepare(Arc::clone(panel), actions)?.watching(only))
            }
        };
        Ok(Self { market, bars })
    }

    /// Bars of the period.
    pub fn bars(&self) -> usize {
        self.bars
    }

    /// Runs a plan. It may differ from the one this was prepared for in whatever the layout does
    /// not depend on: anything but the panel for the event-driven engine; strategy, capital and
    /// benchmark for Qlib's. `observe` sees every bar and may end the run.
    pub fn run(
        &self,
        plan: &Plan,
        signal: Option<&Signal>,
        observe: &mut dyn FnMut(&Point) -> ControlFlow<()>,
    ) -> Result<Outcome, BacktestError> {
        if plan.needs_signal() && signal.is_none() {
            return Err(MISSING_SIGNAL);
        }
        let bars = self.bars;
        let mut steps = 0..bars;
        match (&self.market, plan) {
            (Prepared::Qlib(market), Plan::Qlib(config)) => {
                let mut last = config.capital;
                let result = run_qlib(market, signal.ok_or(MISSING_SIGNAL)?, config, &mut |day| {
                    let step = steps.next().unwrap_or(bars);
                    let before = std::mem::replace(&mut last, day.account);
                    observe(&Point {
                        time: day.time,
                        step,
                        bars,
                        equity: day.account,
                        return_rate: day.return_rate - day.cost,
                        benchmark: day.bench,
                        turnover: day.turnover,
                        costs: day.cost * before,
                    })
                })?;
                Ok(Outcome::Qlib(result))
            }
            (Prepared::Event(market), Plan::Event(plan)) => {
                let mut strategy = plan.strategy.build(signal)?;
                let result = run(market, &plan.config, &mut *strategy, &mut |day| {
                    let step = steps.next().unwrap_or(bars);
                    observe(&Point {
                        time: day.time,
                        step,
                        bars,
                        equity: day.equity,
                        return_rate: day.return_rate,
                        benchmark: day.benchmark,
                        turnover: day.turnover,
                        costs: day.costs,
                    })
                })?;
                Ok(Outcome::Event(result))
            }
            _ => Err(BacktestError::OtherMarket),
        }
    }
}

impl Outcome {
    /// The observer ended the run before the period did.
    pub fn stopped(&self) -> bool {
        match self {
            Self::Qlib(result) => result.stopped,
            Self::Event(result) => result.stopped,
        }
    }
}
