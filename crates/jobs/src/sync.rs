use std::sync::Arc;

use alphafleet_domain::job::JobKind;
use alphafleet_domain::ports::{
    DatasetStore, NewDatasetVersion, NewJob, StoreError, Submission, SyncPlan, Synced,
};
use alphafleet_domain::{AuditRecord, Dataset, DatasetVersion, Feature};
use alphafleet_specs::{FeatureComputationSpec, Fundamentals};
use serde_json::json;

use crate::Announcer;

/// Features in one job at most.
const MOST_FEATURES: usize = 500;

/// Finishes the import of data: keeps the new version and starts, in the same transaction, the
/// computation of the features that follow the dataset.
#[derive(Clone)]
pub struct DataSync {
    store: Arc<dyn DatasetStore>,
    announcer: Announcer,
}

impl DataSync {
    pub fn new(store: Arc<dyn DatasetStore>, announcer: Announcer) -> Self {
        Self { store, announcer }
    }

    /// Answers once version and jobs are committed. Needs a tokio runtime: broker and event bus
    /// are told in a task of their own.
    pub async fn complete(
        &self,
        version: NewDatasetVersion,
        audit: AuditRecord,
    ) -> Result<Synced, StoreError> {
        let plan = Arc::new(FollowingFeatures::new(&audit));
        let synced = self.store.sync_version(version, audit, plan).await?;
        if !synced.jobs.is_empty() {
            let (announcer, jobs) = (self.announcer.clone(), synced.jobs.clone());
            tokio::spawn(async move { announcer.announce_all(&jobs).await });
        }
        Ok(synced)
    }
}

/// Computes the features that follow a dataset on its new version. Each job has an audit record
/// `data_sync_completed` that says which, and which wait because the version lacks announcements
/// that they read: one of them would fail the others with it.
#[derive(Debug, Clone)]
pub struct FollowingFeatures {
    /// Who brought the data, when and from where.
    origin: AuditRecord,
}

impl FollowingFeatures {
    /// `import` is the audit record of the import that the jobs come from.
    pub fn new(import: &AuditRecord) -> Self {
        Self { origin: import.clone() }
    }

    fn submission(
        &self,
        dataset: &Dataset,
        version: &DatasetVersion,
        features: &[Feature],
        waiting: &[Feature],
    ) -> Submission {
        let spec = FeatureComputationSpec::of_sync(dataset, version, features);
        let mut job = NewJob::new(dataset.owner, JobKind::FeatureComputation, spec.to_value());
        job.dataset_version = Some(version.id);
        let names = |features: &[Feature]| -> Vec<String> {
            features.iter().map(|one| one.draft.name.clone()).collect()
        };
        let audit = AuditRecord {
            action: "data_sync_completed".to_owned(),
            target: format!("dataset/{}", dataset.name),
            details: json!({
                "version": version.id.to_string(),
                "session": job.id.to_string(),
                "features": names(features),
                "without_announcements": names(waiting),
            }),
            ..self.origin.clone()
        };
        Submission::new(job, audit)
    }
}

impl SyncPlan for FollowingFeatures {
    fn submissions(
        &self,
        dataset: &Dataset,
        version: &DatasetVersion,
        features: Vec<Feature>,
    ) -> Vec<Submission> {
        let ready = |feature: &Feature| {
            let reads = Fundamentals::of_expression("formula", &feature.draft.formula);
            reads.check(&dataset.name, version).is_ok()
        };
        let (features, waiting): (Vec<_>, Vec<_>) = features.into_iter().partition(ready);
        let jobs = features.chunks(MOST_FEATURES);
        jobs.map(|features| self.submission(dataset, version, features, &waiting)).collect()
    }
}
