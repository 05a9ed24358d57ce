//! The feature cache keeps within its size, on a real store and folder.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use alphafleet_artifacts::open_store;
use alphafleet_domain::job::{Completion, Outcome, ProgressBatch};
use alphafleet_domain::ports::{
    ArtifactError, ArtifactStore, Claim, DatasetStore, FeatureCache, Follows, JobStore,
    NewDatasetVersion, NewJob, NewUser, PasswordHash, Submission, UserStore, WorkerRecord,
};
use alphafleet_domain::{
    AuditRecord, CachedFeature, Clock, DatasetId, DatasetVersion, DatasetVersionId, FeatureKey,
    JobKind, Queue, Role, SystemClock, UserId, UserLimits, WorkerId,
};
use alphafleet_jobs::{EvictionSettings, FeatureEviction};
use alphafleet_store::Store;
use chrono::NaiveDate;
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn audit() -> AuditRecord {
    AuditRecord {
        at: SystemClock.now(),
        user: None,
        action: "test".to_owned(),
        target: "test".to_owned(),
        source: None,
        details: json!({}),
    }
}

async fn version(store: &Store) -> (UserId, DatasetVersionId) {
    let owner = UserId::new();
    let user = NewUser {
        id: owner,
        username: "someone".parse().unwrap(),
        password: PasswordHash::new("$argon2id$…".to_owned()),
        role: Role::Researcher,
        limits: UserLimits::default(),
    };
    store.create_user(user, audit()).await.unwrap();
    let (dataset, id) = (DatasetId::new(), DatasetVersionId::new());
    let day = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let version = DatasetVersion {
        id,
        dataset,
        parent: None,
        manifest_key: "m".to_owned(),
        manifest_sha256: "ef".repeat(32),
        rows: 1,
        instruments: 1,
        start: day,
        end: day,
        findings: json!([]),
        announcements: None,
        created_at: SystemClock.now(),
    };
    let (dataset_name, follows) = ("market".to_owned(), Follows::Newest);
    let new = NewDatasetVersion { owner, dataset_name, dataset, version, follows };
    store.add_version(new, audit()).await.unwrap();
    (owner, id)
}

/// A job that leaves these columns, each of 100 bytes.
async fn compute(
    store: &Store,
    artifacts: &dyn ArtifactStore,
    (owner, version): (UserId, DatasetVersionId),
    names: &[&str],
) {
    let mut job = NewJob::new(owner, JobKind::FeatureComputation, json!({}));
    job.dataset_version = Some(version);
    store.submit(Submission::new(job, audit())).await.unwrap();
    let queues = vec![Queue::training()];
    let worker = WorkerRecord {
        id: WorkerId::new(),
        host: "host".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        queues: queues.clone(),
        slots: 1,
    };
    store.register_worker(&worker).await.unwrap();
    let job = store.claim(&Claim { worker: worker.id, queues }).await.unwrap().unwrap();
    let mut features = Vec::new();
    for name in names {
        let key = format!("features/{name}.parquet").parse().unwrap();
        let stored = artifacts.put(&key, vec![7; 100]).await.unwrap();
        let state = format!("features/{name}.state").parse().unwrap();
        artifacts.put(&state, vec![8; 10]).await.unwrap();
        features.push(CachedFeature {
            key: FeatureKey((*name).to_owned()),
            object_key: key.to_string(),
            bytes: stored.bytes,
            sha256: stored.sha256,
        });
    }
    let completion = Completion { features, ..Completion::default() };
    let outcome = Outcome::Completed(completion);
    store.settle(job.lease().unwrap(), &outcome, &ProgressBatch::default()).await.unwrap();
}

/// Whether the column's file is there; its state is where it is.
async fn is_there(artifacts: &dyn ArtifactStore, name: &str) -> bool {
    let mut found = Vec::new();
    for ending in ["parquet", "state"] {
        let answer = artifacts.get(&format!("features/{name}.{ending}").parse().unwrap()).await;
        found.push(match answer {
            Ok(_) => true,
            Err(ArtifactError::NotFound(_)) => false,
            Err(error) => panic!("{error}"),
        });
    }
    assert_eq!(found[0], found[1], "{name}");
    found[0]
}

#[tokio::test]
async fn what_is_not_used_goes_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("cache.db").display());
    let store = Arc::new(Store::open(&url).await.unwrap());
    store.migrate().await.unwrap();
    let objects = format!("file://{}", folder.path().join("objects").display());
    let artifacts: Arc<dyn ArtifactStore> = Arc::new(open_store(&objects).unwrap());
    let data = version(&store).await;
    for name in ["a", "b", "c"] {
        compute(&store, &*artifacts, data, &[name]).await;
    }
    store.cached_features(&[FeatureKey("a".to_owned())]).await.unwrap();
    let settings = EvictionSettings { bytes: 200, interval: Duration::from_secs(1) };
    let eviction = FeatureEviction::new(store.clone(), artifacts.clone(), settings);
    let never = CancellationToken::new();
    assert_eq!(eviction.evict(&never).await.unwrap(), 1);
    let keys = ["a", "b", "c"].map(|name| FeatureKey(name.to_owned()));
    for (name, stays) in [("a", true), ("b", false), ("c", true)] {
        assert_eq!(is_there(&*artifacts, name).await, stays, "{name}");
    }
    assert_eq!(store.cached_features(&keys).await.unwrap().len(), 2);
    assert_eq!(eviction.evict(&never).await.unwrap(), 0);
}
