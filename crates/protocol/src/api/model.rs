use alphafleet_domain::{DatasetVersionId, Instant, JobId, Model, ModelId, StrategyId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A fitted model and where it comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ModelView {
    #[schemars(with = "Uuid")]
    pub id: ModelId,
    pub model_type: String,
    #[schemars(with = "Uuid")]
    pub session_id: JobId,
    #[schemars(with = "Option<Uuid>")]
    pub strategy_id: Option<StrategyId>,
    #[schemars(with = "Option<Uuid>")]
    pub dataset_version_id: Option<DatasetVersionId>,
    /// Checksum of the model file (hex).
    pub sha256: String,
    pub metrics: Value,
    pub created_at: Instant,
}

impl From<Model> for ModelView {
    fn from(model: Model) -> Self {
        Self {
            id: model.id,
            model_type: model.new.model_type,
            session_id: model.session,
            strategy_id: model.strategy,
            dataset_version_id: model.dataset_version,
            sha256: model.new.sha256,
            metrics: model.new.metrics,
            created_at: model.created_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ModelList {
    pub items: Vec<ModelView>,
    pub total: u64,
}
