//! A run of either engine in the same terms.

use std::ops::Range;

use alphafleet_market::Panel;

use super::qlib_trades::round_trips;
use super::tables::ContributionRow;
use crate::intraday::Intraday;
use alphafleet_backtest::BacktestError;
use alphafleet_backtest::analysis::{Convention, TradeMasterFigures};
use alphafleet_backtest::period_bars;
use alphafleet_backtest::plan::{Outcome, Plan};
use alphafleet_backtest::qlib::{QlibDay, QlibResult};
use alphafleet_backtest::{DayReport, Fill, Trade};

/// What an instrument brought, in money.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InstrumentGain {
    /// An index into the panel's instruments.
    pub instrument: usize,
    /// Costs taken off.
    pub gain: f64,
    pub costs: f64,
}

/// The account over a run.
pub(super) struct Account<'a> {
    pub plan: &'a Plan,
    pub panel: &'a Panel,
    pub outcome: &'a Outcome,
    /// Of the bars there are.
    pub convention: Convention,
    /// How its bars a year come about, where bars are shorter than days.
    pub intraday: Option<Intraday>,
    /// Worth of one contract per unit of its price.
    pub multiplier: f64,
    /// The run's bars as calendar indices.
    pub bars: Range<usize>,
    pub days: Vec<DayReport>,
    pub fills: Vec<Fill>,
    pub trades: Vec<Trade>,
    pub gains: Vec<InstrumentGain>,
    /// Interest on cash, which no instrument brought.
    pub interest: f64,
}

impl<'a> Account<'a> {
    pub fn of(
        plan: &'a Plan,
        panel: &'a Panel,
        outcome: &'a Outcome,
    ) -> Result<Self, BacktestError> {
        let period = period_bars(panel, plan.period())?;
        let first = period.start;
        let (given, times) = (plan.convention(), &panel.calendar()[period]);
        let annual = (given.of_bars(times), Intraday::of(given, times));
        match (plan, outcome) {
            (Plan::Qlib(_), Outcome::Qlib(result)) => {
                Ok(Self::qlib(plan, panel, (outcome, result), first, annual))
            }
            (Plan::Event(event), Outcome::Event(result)) => Ok(Self {
                plan,
                panel,
                outcome,
                convention: annual.0,
                intraday: annual.1,
                multiplier: event.config.multiplier,
                bars: first..first + result.days.len(),
                days: result.days.clone(),
                fills: result.fills.clone(),
                trades: result.trades.clone(),
                gains: result
                    .contributions
                    .iter()
                    .map(|one| InstrumentGain {
                        instrument: one.instrument,
                        gain: one.total,
                        costs: one.costs,
                    })
                    .collect(),
                interest: result.interest,
            }),
            _ => Err(BacktestError::OtherMarket),
        }
    }

    fn qlib(
        plan: &'a Plan,
        panel: &'a Panel,
        (outcome, result): (&'a Outcome, &QlibResult),
        first: usize,
        annual: (Convention, Option<Intraday>),
    ) -> Self {
        let trips = round_trips(result, first, panel.instruments().len());
        Self {
            plan,
            panel,
            outcome,
            convention: annual.0,
            intraday: annual.1,
            multiplier: 1.0,
            bars: first..first + result.days.len(),
            days: days(&result.days, plan.capital()),
            fills: trips.fills,
            trades: trips.trades,
            gains: trips.gains,
            interest: 0.0,
        }
    }

    /// Returns after costs, one a bar.
    pub fn returns(&self) -> Vec<f64> {
        self.days.iter().map(|day| day.return_rate).collect()
    }

    /// Returns of the benchmark, if there is one.
    pub fn benchmark(&self) -> Option<Vec<f64>> {
        let returns: Option<Vec<f64>> = self.days.iter().map(|day| day.benchmark).collect();
        returns.filter(|_| !self.days.is_empty())
    }

    pub fn final_equity(&self) -> f64 {
        self.days.last().map_or(self.plan.capital(), |day| day.equity)
    }

    /// What a part of the account brought, beside the capital.
    pub fn contribution(&self, name: String, gain: f64, costs: f64) -> ContributionRow {
        ContributionRow { name, gain, costs, of_capital: gain / self.plan.capital() }
    }

    /// Whether it is known what was held at every bar.
    pub fn records_positions(&self) -> bool {
        match self.outcome {
            Outcome::Event(result) => result.positions.bars() == self.days.len(),
            Outcome::Qlib(_) => true,
        }
    }

    /// What each holding is worth at the close of the run's bar `step`, by instrument.
    pub fn worth(&self, step: usize) -> impl Iterator<Item = (usize, f64)> {
        let (event, qlib) = match self.outcome {
            Outcome::Event(result) => (result.positions.at(step), &[][..]),
            Outcome::Qlib(result) => (&[][..], result.positions(step)),
        };
        let event = event.iter().map(|held| (held.instrument as usize, held.value));
        event.chain(qlib.iter().map(|held| (held.instrument as usize, held.amount * held.price)))
    }

    pub fn trademaster(&self) -> TradeMasterFigures {
        match self.outcome {
            Outcome::Event(result) => result.trademaster(self.plan.capital()),
            Outcome::Qlib(result) => {
                let equity: Vec<f64> = std::iter::once(self.plan.capital())
                    .chain(self.days.iter().map(|day| day.equity))
                    .collect();
                let weights: Vec<Vec<f64>> = (0..self.days.len())
                    .map(|step| {
                        let held = result.positions(step);
                        let gross: f64 = held.iter().map(|held| held.weight).sum();
                        held.iter().map(|held| held.weight / gross).collect()
                    })
                    .collect();
                TradeMasterFigures::of(&equity, weights.iter().map(Vec::as_slice))
            }
        }
    }
}

/// Qlib's days with returns after costs, and costs in money.
fn days(days: &[QlibDay], capital: f64) -> Vec<DayReport> {
    let (mut before, mut peak) = (capital, capital);
    let mut reports = Vec::with_capacity(days.len());
    for day in days {
        peak = peak.max(day.account);
        reports.push(DayReport {
            time: day.time,
            equity: day.account,
            cash: day.cash,
            value: day.value,
            gross: day.value,
            return_rate: day.return_rate - day.cost,
            return_before_costs: day.return_rate,
            turnover: day.turnover,
            costs: day.cost * before,
            benchmark: day.bench,
            drawdown: day.account / peak - 1.0,
        });
        before = day.account;
    }
    reports
}
