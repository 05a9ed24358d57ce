use alphafleet_domain::{BestFigure, Instant, JobId, StrategyId, StrategySummary};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A strategy as its owner writes it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyBody {
    /// 1 to 128 characters, unique among your strategies.
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// A partial training configuration (see the schema `TrainingSpec`); what is absent takes the
    /// model's own default. In `backtest` it may say how it is backtested: the `plan` of the schema
    /// `BacktestSpec` without its period. With nothing but that, and perhaps the data, it is a
    /// strategy of rules without a model.
    #[serde(default)]
    pub config: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct StrategyView {
    #[schemars(with = "Uuid")]
    pub id: StrategyId,
    pub name: String,
    pub description: String,
    /// The model's type, e.g. `lightgbm`, or that of its rules, e.g. `momentum`.
    pub strategy_type: String,
    pub config: Value,
    /// Pending and running sessions.
    pub active_sessions: u64,
    pub total_sessions: u64,
    pub training_count: u64,
    pub last_training_at: Option<Instant>,
    /// The best return of a completed backtest out of sample: of its whole period, after costs; 0.1
    /// is a tenth more than there was.
    pub best_return: Option<f64>,
    /// Which backtest had it, and of which days it is.
    pub best_return_of: Option<BacktestPeriod>,
    /// The best Sharpe ratio of such a backtest: a year, after costs.
    pub best_sharpe: Option<f64>,
    pub best_sharpe_of: Option<BacktestPeriod>,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// A backtest, by its session and its days.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct BacktestPeriod {
    #[schemars(with = "Uuid")]
    pub session_id: JobId,
    #[schemars(with = "String", extend("format" = "date"))]
    pub start_date: NaiveDate,
    #[schemars(with = "String", extend("format" = "date"))]
    pub end_date: NaiveDate,
}

impl From<BestFigure> for BacktestPeriod {
    fn from(best: BestFigure) -> Self {
        Self { session_id: best.session, start_date: best.start, end_date: best.end }
    }
}

impl From<StrategySummary> for StrategyView {
    fn from(summary: StrategySummary) -> Self {
        let strategy = summary.strategy;
        Self {
            id: strategy.id,
            name: strategy.draft.name,
            description: strategy.draft.description,
            strategy_type: strategy.draft.strategy_type,
            config: strategy.draft.config,
            active_sessions: summary.active_sessions,
            total_sessions: summary.total_sessions,
            training_count: summary.training_count,
            last_training_at: summary.last_training_at,
            best_return: summary.best_return.map(|best| best.value),
            best_return_of: summary.best_return.map(Into::into),
            best_sharpe: summary.best_sharpe.map(|best| best.value),
            best_sharpe_of: summary.best_sharpe.map(Into::into),
            created_at: strategy.created_at,
            updated_at: strategy.updated_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct StrategyList {
    pub items: Vec<StrategyView>,
    pub total: u64,
}

/// A complete configuration to start from.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TemplateView {
    pub name: String,
    pub description: String,
    pub config: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct TemplateList {
    pub items: Vec<TemplateView>,
}
