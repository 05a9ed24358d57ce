use std::sync::Arc;

use async_trait::async_trait;

use super::{StoreError, Submission};
use crate::{
    AuditRecord, Dataset, DatasetId, DatasetVersion, DatasetVersionId, Experiment, ExperimentId,
    Feature, Instant, Job, Model, ModelId, Page, PageRequest, Strategy, StrategyDraft, StrategyId,
    StrategySummary, UserId,
};

/// Strategies. Someone else's strategy is not found.
#[async_trait]
pub trait StrategyStore: Send + Sync {
    async fn create_strategy(
        &self,
        strategy: Strategy,
        audit: AuditRecord,
    ) -> Result<Strategy, StoreError>;

    async fn strategy(
        &self,
        owner: UserId,
        id: StrategyId,
    ) -> Result<Option<StrategySummary>, StoreError>;

    async fn strategies(
        &self,
        filter: &StrategyFilter,
        page: PageRequest,
    ) -> Result<Page<StrategySummary>, StoreError>;

    /// `None` when there is no such strategy of this owner.
    async fn update_strategy(
        &self,
        owner: UserId,
        id: StrategyId,
        draft: StrategyDraft,
        audit: AuditRecord,
    ) -> Result<Option<Strategy>, StoreError>;

    /// Hides the strategy; its sessions stay. `StoreError::InUse` while a session is active.
    async fn delete_strategy(
        &self,
        owner: UserId,
        id: StrategyId,
        audit: AuditRecord,
    ) -> Result<bool, StoreError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyFilter {
    pub owner: UserId,
    pub strategy_type: Option<String>,
    /// `Some(true)`: with active sessions only; `Some(false)`: without.
    pub active: Option<bool>,
}

#[async_trait]
pub trait ExperimentStore: Send + Sync {
    /// The owner's experiment of that name, created if there is none.
    async fn ensure_experiment(
        &self,
        owner: UserId,
        name: &str,
        at: Instant,
    ) -> Result<Experiment, StoreError>;

    async fn experiment(
        &self,
        owner: UserId,
        id: ExperimentId,
    ) -> Result<Option<Experiment>, StoreError>;

    async fn experiments(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Experiment>, StoreError>;
}

#[async_trait]
pub trait DatasetStore: Send + Sync {
    /// Adds an imported version, creating the dataset of that name if the owner has none. The new
    /// version's parent becomes the dataset's latest version.
    async fn add_version(
        &self,
        version: NewDatasetVersion,
        audit: AuditRecord,
    ) -> Result<(Dataset, DatasetVersion), StoreError>;

    /// Adds a version like [`DatasetStore::add_version`] and, in the same transaction, submits what
    /// `plan` makes of it and the owner's features that are to follow this dataset. These jobs are
    /// not held against the owner's limit of sessions: nobody who brings data is refused for them.
    async fn sync_version(
        &self,
        version: NewDatasetVersion,
        audit: AuditRecord,
        plan: Arc<dyn SyncPlan>,
    ) -> Result<Synced, StoreError>;

    async fn dataset(&self, owner: UserId, id: DatasetId) -> Result<Option<Dataset>, StoreError>;

    async fn dataset_named(&self, owner: UserId, name: &str)
    -> Result<Option<Dataset>, StoreError>;

    async fn datasets(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<(Dataset, DatasetVersion)>, StoreError>;

    /// Newest first.
    async fn versions(&self, dataset: DatasetId) -> Result<Vec<DatasetVersion>, StoreError>;

    async fn version(&self, id: DatasetVersionId) -> Result<Option<DatasetVersion>, StoreError>;
}

/// What a finished data sync starts.
pub trait SyncPlan: Send + Sync {
    /// `features` are the owner's that follow the dataset, oldest first; perhaps none.
    fn submissions(
        &self,
        dataset: &Dataset,
        version: &DatasetVersion,
        features: Vec<Feature>,
    ) -> Vec<Submission>;
}

/// A version in the catalogue, and the jobs that it started.
#[derive(Debug, Clone, PartialEq)]
pub struct Synced {
    pub dataset: Dataset,
    pub version: DatasetVersion,
    pub jobs: Vec<Job>,
}

/// An imported version on its way into the catalogue. `dataset` is the id to use if the owner has
/// no dataset of that name yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDatasetVersion {
    pub owner: UserId,
    pub dataset_name: String,
    pub dataset: DatasetId,
    pub version: DatasetVersion,
    pub follows: Follows,
}

/// Which version a new one may come after. What was stored with it names its parent, and may hold
/// files of that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Follows {
    /// The newest at the time, whatever its parent was thought to be.
    #[default]
    Newest,
    /// The parent it names, or none: if another version was added since, it is refused with
    /// [`StoreError::Conflict`] of a `dataset version`.
    ItsParent,
}

#[async_trait]
pub trait ModelStore: Send + Sync {
    async fn model(&self, owner: UserId, id: ModelId) -> Result<Option<Model>, StoreError>;

    async fn models(&self, owner: UserId, page: PageRequest) -> Result<Page<Model>, StoreError>;
}

#[async_trait]
pub trait AuditLog: Send + Sync {
    /// For what changes no row of its own, e.g. a failed login.
    async fn append_audit(&self, record: AuditRecord) -> Result<(), StoreError>;

    async fn audit(&self, page: PageRequest) -> Result<Page<AuditRecord>, StoreError>;
}
