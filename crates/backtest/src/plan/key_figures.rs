use serde::{Deserialize, Serialize};

use super::{Outcome, Plan};
use crate::analysis::{Convention, ReturnFigures, mean};
use crate::qlib::QLIB_DAYS_PER_YEAR;

/// What is kept of a run when many are compared, after costs. Definitions are those of
/// [`ReturnFigures`]; what is not defined is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KeyFigures {
    pub bars: usize,
    pub total_return: Option<f64>,
    pub annual_return: Option<f64>,
    pub annual_volatility: Option<f64>,
    pub sharpe: Option<f64>,
    pub sortino: Option<f64>,
    pub calmar: Option<f64>,
    /// Depth of the deepest fall as a fraction, zero or negative.
    pub max_drawdown: f64,
    /// Mean over bars of the worth of trades over the equity before.
    pub mean_turnover: Option<f64>,
    /// In money.
    pub costs: f64,
    /// Closed positions; with Qlib's engine dealt orders.
    pub trades: usize,
}

impl KeyFigures {
    /// The figures of a run of the plan.
    pub fn of(plan: &Plan, outcome: &Outcome) -> Self {
        let own = ReturnFigures::of(&outcome.returns(), plan.convention());
        let (turnover, costs, trades) = activity(plan, outcome);
        Self {
            bars: own.bars,
            total_return: own.total_return,
            annual_return: own.annual_return,
            annual_volatility: own.annual_volatility,
            sharpe: own.sharpe,
            sortino: own.sortino,
            calmar: own.calmar,
            max_drawdown: own.max_drawdown.map_or(0.0, |fall| fall.depth),
            mean_turnover: mean(&turnover),
            costs,
            trades,
        }
    }
}

/// Turnover of every bar, costs and trades.
fn activity(plan: &Plan, outcome: &Outcome) -> (Vec<f64>, f64, usize) {
    match outcome {
        Outcome::Event(result) => (
            result.days.iter().map(|day| day.turnover).collect(),
            result.days.iter().map(|day| day.costs).sum(),
            result.trades.len(),
        ),
        Outcome::Qlib(result) => {
            let mut before = plan.capital();
            let costs = result.days.iter().map(|day| {
                let cost = day.cost * before;
                before = day.account;
                cost
            });
            let costs = costs.sum();
            let dealt = result.orders.iter().filter(|order| order.deal_amount > 0.0).count();
            (result.days.iter().map(|day| day.turnover).collect(), costs, dealt)
        }
    }
}

impl Plan {
    /// How figures of its runs are annualised.
    pub fn convention(&self) -> Convention {
        match self {
            Self::Qlib(_) => Convention { bars_per_year: QLIB_DAYS_PER_YEAR, risk_free: 0.0 },
            Self::Event(plan) => Convention {
                bars_per_year: plan.config.bars_per_year,
                risk_free: plan.config.risk_free,
            },
        }
    }
}

impl Outcome {
    /// Returns after costs, one a bar. A run that was ruined has none after that.
    pub fn returns(&self) -> Vec<f64> {
        match self {
            Self::Qlib(result) => {
                result.days.iter().map(|day| day.return_rate - day.cost).collect()
            }
            Self::Event(result) => result.days.iter().map(|day| day.return_rate).collect(),
        }
    }

    /// Returns of the benchmark, one a bar, if the run had one.
    pub fn benchmark(&self) -> Option<Vec<f64>> {
        match self {
            Self::Qlib(result) => result.days.iter().map(|day| day.bench).collect(),
            Self::Event(result) => result.days.iter().map(|day| day.benchmark).collect(),
        }
    }
}
