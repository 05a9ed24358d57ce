use std::sync::Arc;

use alphafleet_domain::ports::{
    AuditLog, DatasetStore, ExperimentStore, ModelStore, NewDatasetVersion, StoreError,
    StrategyFilter, StrategyStore, SyncPlan, Synced,
};
use alphafleet_domain::{
    AuditRecord, Dataset, DatasetId, DatasetVersion, DatasetVersionId, Experiment, ExperimentId,
    Instant, Model, ModelId, Page, PageRequest, Strategy, StrategyDraft, StrategyId,
    StrategySummary, UserId,
};
use async_trait::async_trait;

use crate::Store;
use crate::store::{read, write};

#[async_trait]
impl StrategyStore for Store {
    async fn create_strategy(
        &self,
        strategy: Strategy,
        audit: AuditRecord,
    ) -> Result<Strategy, StoreError> {
        write!(self, |connection, q| q::strategies::create(connection, strategy, audit))
    }

    async fn strategy(
        &self,
        owner: UserId,
        id: StrategyId,
    ) -> Result<Option<StrategySummary>, StoreError> {
        read!(self, |connection, q| q::strategies::strategy(connection, owner, id))
    }

    async fn strategies(
        &self,
        filter: &StrategyFilter,
        page: PageRequest,
    ) -> Result<Page<StrategySummary>, StoreError> {
        let filter = filter.clone();
        read!(self, |connection, q| q::strategies::page(connection, filter, page))
    }

    async fn update_strategy(
        &self,
        owner: UserId,
        id: StrategyId,
        draft: StrategyDraft,
        audit: AuditRecord,
    ) -> Result<Option<Strategy>, StoreError> {
        write!(self, |connection, q| q::strategies::update(connection, owner, id, draft, audit))
    }

    async fn delete_strategy(
        &self,
        owner: UserId,
        id: StrategyId,
        audit: AuditRecord,
    ) -> Result<bool, StoreError> {
        write!(self, |connection, q| q::strategies::delete(connection, owner, id, audit))
    }
}

#[async_trait]
impl ExperimentStore for Store {
    async fn ensure_experiment(
        &self,
        owner: UserId,
        name: &str,
        at: Instant,
    ) -> Result<Experiment, StoreError> {
        let name = name.to_owned();
        write!(self, |connection, q| q::experiments::ensure(connection, owner, name, at))
    }

    async fn experiment(
        &self,
        owner: UserId,
        id: ExperimentId,
    ) -> Result<Option<Experiment>, StoreError> {
        read!(self, |connection, q| q::experiments::experiment(connection, owner, id))
    }

    async fn experiments(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Experiment>, StoreError> {
        read!(self, |connection, q| q::experiments::page(connection, owner, page))
    }
}

#[async_trait]
impl DatasetStore for Store {
    async fn add_version(
        &self,
        version: NewDatasetVersion,
        audit: AuditRecord,
    ) -> Result<(Dataset, DatasetVersion), StoreError> {
        write!(self, |connection, q| q::datasets::add_version(connection, version, audit))
    }

    async fn sync_version(
        &self,
        version: NewDatasetVersion,
        audit: AuditRecord,
        plan: Arc<dyn SyncPlan>,
    ) -> Result<Synced, StoreError> {
        write!(self, |connection, q| q::datasets::sync_version(connection, version, audit, plan))
    }

    async fn dataset(&self, owner: UserId, id: DatasetId) -> Result<Option<Dataset>, StoreError> {
        read!(self, |connection, q| q::datasets::dataset(connection, owner, id))
    }

    async fn dataset_named(
        &self,
        owner: UserId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        let name = name.to_owned();
        read!(self, |connection, q| q::datasets::named(connection, owner, name))
    }

    async fn datasets(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<(Dataset, DatasetVersion)>, StoreError> {
        read!(self, |connection, q| q::datasets::page(connection, owner, page))
    }

    async fn versions(&self, dataset: DatasetId) -> Result<Vec<DatasetVersion>, StoreError> {
        read!(self, |connection, q| q::datasets::versions(connection, dataset))
    }

    async fn version(&self, id: DatasetVersionId) -> Result<Option<DatasetVersion>, StoreError> {
        read!(self, |connection, q| q::datasets::version(connection, id))
    }
}

#[async_trait]
impl ModelStore for Store {
    async fn model(&self, owner: UserId, id: ModelId) -> Result<Option<Model>, StoreError> {
        read!(self, |connection, q| q::models::model(connection, owner, id))
    }

    async fn models(&self, owner: UserId, page: PageRequest) -> Result<Page<Model>, StoreError> {
        read!(self, |connection, q| q::models::page(connection, owner, page))
    }
}

#[async_trait]
impl AuditLog for Store {
    async fn append_audit(&self, record: AuditRecord) -> Result<(), StoreError> {
        write!(self, |connection, q| q::audit::append(connection, record))
    }

    async fn audit(&self, page: PageRequest) -> Result<Page<AuditRecord>, StoreError> {
        read!(self, |connection, q| q::audit::page(connection, page))
    }
}
