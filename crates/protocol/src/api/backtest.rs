use alphafleet_domain::{Instant, JobId, StrategyId};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Completed backtests side by side. Lists of values are in the order of `sessions`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BacktestComparison {
    pub sessions: Vec<ComparedBacktest>,
    /// The key figures that any of them has.
    pub figures: Vec<ComparedFigure>,
    /// Where their configurations differ.
    pub differences: Vec<ComparedField>,
}

/// One of the backtests.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ComparedBacktest {
    #[schemars(with = "Uuid")]
    pub id: JobId,
    #[schemars(with = "Option<Uuid>")]
    pub strategy_id: Option<StrategyId>,
    /// The type of its strategy, e.g. `topk_dropout`.
    pub strategy: String,
    /// `event` or `qlib`.
    pub engine: String,
    #[schemars(with = "String", extend("format" = "date"))]
    pub start_date: NaiveDate,
    #[schemars(with = "String", extend("format" = "date"))]
    pub end_date: NaiveDate,
    /// Whether no day of it was seen by the model while that was fitted.
    pub out_of_sample: bool,
    pub created_at: Instant,
}

/// A figure of each backtest.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ComparedFigure {
    /// E.g. `sharpe`.
    pub name: String,
    /// How it is computed, with what it is annualised by.
    pub convention: Option<String>,
    /// Null where a run leaves it undefined.
    pub values: Vec<Option<f64>>,
}

/// A field of the configurations that is not the same in all.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ComparedField {
    /// Its path, e.g. `plan.strategy.topk`.
    pub field: String,
    /// Null where it is absent.
    pub values: Vec<Value>,
}
