//! A backtest as a person writes it down: one document that names the engine, the rules of the
//! market and the strategy, and [`Simulation`], which runs it.

mod document;
mod grid;
mod key_figures;
mod simulation;
mod strategy;
mod sweep_config;
mod templates;

pub use document::{PlanDraft, PlanFault};
pub use grid::{Axis, Grid, MOST_CONFIGURATIONS};
pub use key_figures::KeyFigures;
pub use simulation::{Outcome, Point, Simulation};
pub use strategy::StrategyPlan;
pub use sweep_config::{Objective, SweepConfig, WalkForwardConfig};
pub use templates::{PlanTemplate, plan_templates};

use alphafleet_factors::DateRange;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::config::Config;
use crate::qlib::QlibConfig;
use crate::{BacktestError, MarketProfile};

/// A complete backtest but for its data. Its JSON form names every value; reading that form gives
/// the same plan again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum Plan {
    /// Qlib's daily backtest of its top-k dropout strategy, figure by figure.
    Qlib(QlibConfig),
    /// The event-driven engine: orders, an exact ledger, any strategy.
    Event(EventPlan),
}

/// A run of the event-driven engine.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EventPlan {
    /// The kind of market whose rules held where the document gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub market: Option<MarketProfile>,
    #[serde(flatten)]
    pub config: Config,
    pub strategy: StrategyPlan,
}

impl Plan {
    pub fn period(&self) -> DateRange {
        match self {
            Self::Qlib(config) => config.period,
            Self::Event(plan) => plan.config.period,
        }
    }

    fn set_period(&mut self, period: DateRange) {
        match self {
            Self::Qlib(config) => config.period = period,
            Self::Event(plan) => plan.config.period = period,
        }
    }

    /// The plan over another period.
    #[must_use]
    pub fn with_period(mut self, period: DateRange) -> Self {
        self.set_period(period);
        self
    }

    /// Cash at the start.
    pub fn capital(&self) -> f64 {
        match self {
            Self::Qlib(config) => config.capital,
            Self::Event(plan) => plan.config.capital,
        }
    }

    /// The strategy's name in documents.
    pub fn strategy_type(&self) -> &'static str {
        match self {
            Self::Qlib(_) => "topk_dropout",
            Self::Event(plan) => plan.strategy.name(),
        }
    }

    /// Whether the strategy goes by scores.
    pub fn needs_signal(&self) -> bool {
        match self {
            Self::Qlib(_) => true,
            Self::Event(plan) => plan.strategy.needs_signal(),
        }
    }

    /// Whether the strategy can make use of scores.
    pub fn takes_signal(&self) -> bool {
        match self {
            Self::Qlib(_) => true,
            Self::Event(plan) => plan.strategy.takes_signal(),
        }
    }

    /// The factor expressions in it, each with the path of its field.
    pub fn expressions(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Qlib(config) => config.exchange.expressions(),
            Self::Event(plan) => plan.strategy.expressions(),
        }
    }

    /// Refuses what is out of range, by name.
    pub fn validate(&self) -> Result<(), BacktestError> {
        match self {
            Self::Qlib(config) => config.validate(),
            Self::Event(plan) => {
                plan.config.validate()?;
                plan.strategy.validate()?;
                plan.strategy.validate_account(plan.config.account)
            }
        }
    }

    /// The complete document.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
