use alphafleet_domain::{Experiment, ExperimentId, Instant};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A project that sessions belong to.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ExperimentView {
    #[schemars(with = "Uuid")]
    pub id: ExperimentId,
    pub name: String,
    pub notes: String,
    pub tags: Vec<String>,
    pub created_at: Instant,
}

impl From<Experiment> for ExperimentView {
    fn from(experiment: Experiment) -> Self {
        let Experiment { id, name, notes, tags, created_at, .. } = experiment;
        Self { id, name, notes, tags, created_at }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ExperimentList {
    pub items: Vec<ExperimentView>,
    pub total: u64,
}
