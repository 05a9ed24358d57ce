//! The vocabulary of Alphafleet and the ports its adapters implement.
//!
//! Ids, jobs with their state machine and leases, users with their permissions, the catalogue
//! (strategies, datasets, models), events with their cursors. No I/O happens here: storage,
//! messaging and time come in through the traits of [`ports`].

mod audit;
mod catalogue;
mod clock;
mod event;
mod feature;
mod ids;
pub mod job;
mod page;
pub mod ports;
mod user;

pub use audit::AuditRecord;
pub use catalogue::{
    ArtifactKind, ArtifactPointer, BestFigure, Dataset, DatasetVersion, Experiment, Model,
    NewBacktest, NewModel, Strategy, StrategyDraft, StrategySummary, VersionAnnouncements,
};
pub use clock::{Clock, Instant, SystemClock};
pub use event::{Cursor, Event, EventBody, EventKind, OutboxId};
pub use feature::{
    CachedFeature, EvictableFeature, Feature, FeatureClaim, FeatureDraft, FeatureKey, FeatureKind,
    FeatureVersion, feature_state_key,
};
pub use ids::{
    ArtifactId, DatasetId, DatasetVersionId, ExperimentId, FeatureId, JobId, LeaseId, ModelId,
    ParseIdError, StrategyId, UserId, WorkerId,
};
pub use job::{Job, JobKind, JobState, Queue};
pub use page::{Page, PageRequest};
pub use user::{Permission, RiskLevel, Role, User, UserLimits, Username, UsernameError};
