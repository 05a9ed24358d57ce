//! What a finished data sync starts, on a real store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use alphafleet_broker::MemoryBroker;
use alphafleet_domain::ports::{
    DatasetStore, FeatureStore, Follows, JobFilter, JobStore, NewDatasetVersion, NewUser,
    PasswordHash, Synced, UserStore,
};
use alphafleet_domain::{
    AuditRecord, Clock, DatasetId, DatasetVersion, DatasetVersionId, Feature, FeatureDraft,
    FeatureId, FeatureKind, JobKind, PageRequest, Role, SystemClock, UserId, UserLimits,
    VersionAnnouncements,
};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_jobs::{Announcer, DataSync, OutboxRelay, OutboxSettings};
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_store::Store;
use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

const DATASETS: [&str; 3] = ["market", "crypto", "futures"];

/// A feature as the test makes it.
#[derive(Debug, Clone)]
struct Made {
    owner: usize,
    dataset: Option<usize>,
    auto_compute: bool,
    formulas: u32,
    /// It reads announcements.
    fundamental: bool,
    deleted: bool,
}

fn made() -> impl Strategy<Value = Made> {
    let dataset = proptest::option::weighted(0.8, 0..DATASETS.len());
    let [fundamental, deleted] = [0.3, 0.2].map(prop::bool::weighted);
    (0..2_usize, dataset, any::<bool>(), 1..4_u32, fundamental, deleted).prop_map(
        |(owner, dataset, auto_compute, formulas, fundamental, deleted)| Made {
            owner,
            dataset,
            auto_compute,
            formulas,
            fundamental,
            deleted,
        },
    )
}

fn audit(action: &str) -> AuditRecord {
    AuditRecord {
        at: SystemClock.now(),
        user: None,
        action: action.to_owned(),
        target: "test".to_owned(),
        source: None,
        details: json!({}),
    }
}

struct World {
    store: Arc<Store>,
    sync: DataSync,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("sync.db").display());
        let store = Arc::new(Store::open(&url).await.unwrap());
        store.migrate().await.unwrap();
        let bus = Arc::new(MemoryEventBus::new(StreamLimits::default(), SystemClock.now()));
        let relay = OutboxRelay::new(store.clone(), bus, OutboxSettings::default());
        let announcer = Announcer::new(Arc::new(MemoryBroker::new()), Arc::new(relay));
        let sync = DataSync::new(store.clone(), announcer);
        Self { store, sync, _folder: folder }
    }

    async fn user(&self) -> UserId {
        let id = UserId::new();
        let user = NewUser {
            id,
            username: format!("user-{id}").parse().unwrap(),
            password: PasswordHash::new("$argon2id$…".to_owned()),
            role: Role::Researcher,
            // Even who may have no session at all is not refused for bringing data.
            limits: UserLimits { max_concurrent_sessions: 0, max_websocket_connections: 0 },
        };
        self.store.create_user(user, audit("user.create")).await.unwrap().id
    }

    /// The feature in its last version, or as it was before it was deleted.
    async fn make(&self, owner: UserId, number: usize, made: &Made) -> Feature {
        let at = SystemClock.now();
        let draft = |version: u32| FeatureDraft {
            name: format!("feature{number}"),
            kind: FeatureKind::Expression,
            formula: match made.fundamental {
                true => format!("P(Mean($$roe_q, {}))/$close", version + 1),
                false => format!("Mean($close, {})/$close", version + 1),
            },
            fields: vec!["close".to_owned()],
            description: String::new(),
            tags: Vec::new(),
            frequency: "day".to_owned(),
            dataset: made.dataset.map(|at| DATASETS[at].to_owned()),
            auto_compute: made.auto_compute,
        };
        let id = FeatureId::new();
        let feature =
            Feature { id, owner, draft: draft(1), version: 1, created_at: at, updated_at: at };
        let mut feature =
            self.store.create_feature(feature, audit("feature.create")).await.unwrap();
        for version in 2..=made.formulas {
            let update = self.store.update_feature(owner, id, draft(version), audit("x"));
            feature = update.await.unwrap().unwrap();
        }
        if made.deleted {
            assert!(self.store.delete_feature(owner, id, audit("x")).await.unwrap());
        }
        feature
    }

    async fn bring(&self, owner: UserId, dataset: &str, announced: bool) -> Synced {
        let day = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let id = DatasetId::new();
        let version = DatasetVersion {
            id: DatasetVersionId::new(),
            dataset: id,
            parent: None,
            manifest_key: "datasets/x/manifest.json".to_owned(),
            manifest_sha256: "ef".repeat(32),
            rows: 1,
            instruments: 1,
            start: day,
            end: day,
            findings: json!([]),
            announcements: announced.then(|| VersionAnnouncements {
                fields: vec!["eps_a".to_owned(), "roe_q".to_owned()],
                rows: 1,
                instruments: 1,
                start: day.date(),
                end: day.date(),
                sha256: "ab".repeat(32),
            }),
            created_at: SystemClock.now(),
        };
        let dataset_name = dataset.to_owned();
        let follows = Follows::Newest;
        let new = NewDatasetVersion { owner, dataset_name, dataset: id, version, follows };
        self.sync.complete(new, audit("dataset.import")).await.unwrap()
    }
}

/// Name, formula and version of what a job computes.
type Computed = BTreeSet<(String, String, u32)>;

fn computed(synced: &Synced) -> Computed {
    let mut all = Computed::new();
    for job in &synced.jobs {
        assert_eq!((job.kind, job.owner), (JobKind::FeatureComputation, synced.dataset.owner));
        assert_eq!(job.dataset_version, Some(synced.version.id));
        let spec = FeatureComputationSpec::from_value(&job.spec).unwrap();
        assert_eq!(spec.dataset.version, Some(synced.version.id.to_string()));
        for one in spec.features.expressions {
            let version = one.feature.unwrap().version;
            assert!(all.insert((one.name, one.expression, version)), "computed twice");
        }
    }
    all
}

async fn a_sync_starts_what_it_concerns(all: &[Made], syncs: &[(usize, usize, bool)]) {
    let world = World::start().await;
    let owners = [world.user().await, world.user().await];
    let mut features = Vec::new();
    for (number, made) in all.iter().enumerate() {
        features.push((made, world.make(owners[made.owner], number, made).await));
    }
    let mut expected_jobs = 0;
    for &(owner, dataset, announced) in syncs {
        let synced = world.bring(owners[owner], DATASETS[dataset], announced).await;
        let concerned = features.iter().filter(|(made, _)| {
            let follows = made.auto_compute && made.dataset == Some(dataset);
            let known = announced || !made.fundamental;
            made.owner == owner && follows && known && !made.deleted
        });
        let expected: Computed = concerned
            .map(|(_, f)| (f.draft.name.clone(), f.draft.formula.clone(), f.version))
            .collect();
        assert_eq!(computed(&synced), expected);
        assert_eq!(synced.jobs.is_empty(), expected.is_empty());
        expected_jobs += synced.jobs.len() as u64;
        let latest = world.store.versions(synced.dataset.id).await.unwrap();
        assert_eq!(latest[0], synced.version);
    }
    let jobs = world.store.jobs(&JobFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!(jobs.total, expected_jobs, "nothing else was started");
}

#[test]
fn property_1_a_finished_data_sync_starts_the_features_it_concerns() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let features = prop::collection::vec(made(), 0..10);
    let syncs = prop::collection::vec((0..2_usize, 0..DATASETS.len(), any::<bool>()), 1..5);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let ran = runner.run(&(features, syncs), |(features, syncs)| {
        runtime.block_on(a_sync_starts_what_it_concerns(&features, &syncs));
        Ok(())
    });
    ran.unwrap();
}
