use alphafleet_domain::{Instant, StrategyId, StrategySummary};
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
    pub created_at: Instant,
    pub updated_at: Instant,
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
