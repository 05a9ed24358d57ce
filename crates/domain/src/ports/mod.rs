//! What the domain needs from the outside, as traits. Every adapter of a port passes the same
//! conformance suite.

mod artifact_store;
mod broker;
mod callbacks;
mod catalogue;
mod event_bus;
mod features;
mod job_store;
mod passes;
mod retention;
mod user_store;

pub use artifact_store::{
    ArtifactError, ArtifactKey, ArtifactKeyError, ArtifactStore, StoredObject,
};
pub use broker::{Broker, BrokerError, Delivery, Ticket, TicketConsumer};
pub use callbacks::{Callback, CallbackId, CallbackState, CallbackStore, CallbackTry};
pub use catalogue::{
    AuditLog, DatasetStore, ExperimentStore, Follows, ModelStore, NewDatasetVersion,
    StrategyFilter, StrategyStore, SyncPlan, Synced,
};
pub use event_bus::{EventBus, EventsError, Published, Subscription, SubscriptionItem};
pub use features::{FeatureCache, FeatureStore};
pub use job_store::{
    Beat, BeatAnswer, CancelAnswer, Child, Claim, Expired, IdempotencyKey, JobFilter, JobStore,
    LogQuery, MetricQuery, NewJob, OutboxEntry, QueueDepth, Recorded, ResourceQuery, Settled,
    Settlement, Submission, SubmitError, Submitted, WorkerRecord, WorkerRow,
};
pub use passes::{PassHash, PassStore};
pub use retention::{Pruned, RetentionPolicy, RetentionStore, SweepableAttempt};
pub use user_store::{NewUser, PasswordHash, UserStore};

use thiserror::Error;

/// Why a store could not answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The object's name is taken.
    #[error("{what} '{name}' exists already")]
    Conflict { what: &'static str, name: String },
    /// The object is in use and cannot be removed.
    #[error("{what} is in use: {why}")]
    InUse { what: &'static str, why: String },
    /// The database is away or too busy; trying again can help.
    #[error("the database is not reachable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A row that cannot be read.
    #[error("column {column} holds an unreadable value")]
    CorruptRow { column: &'static str },
    /// Anything else the database said.
    #[error("the database refused a statement")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call can succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
