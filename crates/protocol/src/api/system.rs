use alphafleet_domain::ports::WorkerRow;
use alphafleet_domain::{Instant, WorkerId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The process lives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Health {
    pub status: String,
    pub version: String,
}

/// Whether the gateway can serve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Readiness {
    /// What it cannot do without answers: the database.
    pub ready: bool,
    /// Something else does not answer. Sessions are still taken in; without the broker they start
    /// later, without the event bus their news come later, without storage files wait.
    #[serde(default)]
    pub degraded: bool,
    pub checks: Vec<ReadinessCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct ReadinessCheck {
    /// `database`, `broker`, `events` or `storage`.
    pub name: String,
    /// The adapter behind it, e.g. `sqlite`, `memory`.
    pub backend: String,
    /// Whether the gateway is not ready without it.
    #[serde(default)]
    pub required: bool,
    pub ok: bool,
}

/// A model a strategy may use.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ModelType {
    pub name: String,
    pub aliases: Vec<String>,
    /// JSON Schema of its parameters, with defaults, ranges and help.
    pub parameters: Value,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct ModelTypeList {
    pub items: Vec<ModelType>,
}

/// A process that runs jobs. Administrators only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct WorkerView {
    #[schemars(with = "Uuid")]
    pub id: WorkerId,
    pub host: String,
    pub pid: u32,
    pub version: String,
    pub queues: Vec<String>,
    pub slots: u32,
    pub running: u32,
    pub started_at: Instant,
    pub last_seen: Instant,
}

impl From<WorkerRow> for WorkerView {
    fn from(row: WorkerRow) -> Self {
        let WorkerRow { record, started_at, last_seen, running } = row;
        Self {
            id: record.id,
            host: record.host,
            pid: record.pid,
            version: record.version,
            queues: record.queues.into_iter().map(String::from).collect(),
            slots: record.slots,
            running,
            started_at,
            last_seen,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct WorkerList {
    pub items: Vec<WorkerView>,
}
