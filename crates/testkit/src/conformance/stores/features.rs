//! Users' own features, and what a finished data sync makes of them.

use std::sync::Arc;

use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{
    Follows, NewDatasetVersion, NewJob, StoreError, Submission, SyncPlan,
};
use alphafleet_domain::{
    Dataset, DatasetId, DatasetVersion, DatasetVersionId, Feature, FeatureDraft, FeatureId,
    FeatureKind, JobKind, PageRequest, User,
};
use chrono::{NaiveDate, TimeDelta};
use serde_json::json;

use super::AnyStore;
use super::support::*;

pub fn draft(name: &str) -> FeatureDraft {
    FeatureDraft {
        name: name.to_owned(),
        kind: FeatureKind::Expression,
        formula: "Mean($close, 5)/$close".to_owned(),
        fields: vec!["close".to_owned()],
        description: "what it is for".to_owned(),
        tags: vec!["trend".to_owned()],
        frequency: "day".to_owned(),
        dataset: Some("market".to_owned()),
        auto_compute: true,
    }
}

async fn create(store: &AnyStore, owner: &User, draft: FeatureDraft) -> Feature {
    let at = now();
    let feature = Feature {
        id: FeatureId::new(),
        owner: owner.id,
        draft,
        version: 1,
        created_at: at,
        updated_at: at,
    };
    let made = store.create_feature(feature.clone(), audit("feature.create")).await.unwrap();
    assert_eq!(made, feature);
    made
}

pub async fn features_are_kept(store: AnyStore) {
    let owner = user(&store, 3).await;
    let first = create(&store, &owner, draft("first")).await;
    let plain = FeatureDraft { dataset: None, auto_compute: false, ..draft("second") };
    let second = create(&store, &owner, plain).await;
    assert_eq!(store.feature(owner.id, first.id).await.unwrap().as_ref(), Some(&first));
    let twin = Feature { id: FeatureId::new(), ..first.clone() };
    let twin = store.create_feature(twin, audit("feature.create")).await;
    assert!(matches!(twin, Err(StoreError::Conflict { what: "feature", .. })), "{twin:?}");
    let taken = store.update_feature(owner.id, second.id, draft("first"), audit("x")).await;
    assert!(matches!(taken, Err(StoreError::Conflict { what: "feature", .. })), "{taken:?}");
    let page = store.features(owner.id, PageRequest::new(1, 0)).await.unwrap();
    assert_eq!((page.total, page.items), (2, vec![second.clone()]), "newest first");
    let names = ["second", "first", "third"].map(str::to_owned);
    let named = store.features_named(owner.id, &names).await.unwrap();
    assert_eq!(named, [first.clone(), second]);

    assert!(store.delete_feature(owner.id, first.id, audit("feature.delete")).await.unwrap());
    assert!(!store.delete_feature(owner.id, first.id, audit("feature.delete")).await.unwrap());
    assert_eq!(store.feature(owner.id, first.id).await.unwrap(), None);
    assert_eq!(store.feature_versions(owner.id, first.id).await.unwrap(), None);
    create(&store, &owner, draft("first")).await;
}

pub async fn another_formula_is_another_version(store: AnyStore) {
    let owner = user(&store, 3).await;
    let feature = create(&store, &owner, draft("f")).await;
    let other = FeatureDraft {
        formula: "$high/$low".to_owned(),
        fields: vec!["high".to_owned(), "low".to_owned()],
        dataset: None,
        ..draft("renamed")
    };
    let update = || store.update_feature(owner.id, feature.id, other.clone(), audit("x"));
    let changed = update().await.unwrap().unwrap();
    assert_eq!((changed.version, &changed.draft), (2, &other));
    assert_eq!(changed.created_at, feature.created_at);
    let again = update().await.unwrap().unwrap();
    assert_eq!(again.version, 2, "the same formula is no new version");
    let versions = store.feature_versions(owner.id, feature.id).await.unwrap().unwrap();
    let formulas: Vec<_> = versions.iter().map(|v| (v.version, v.formula.as_str())).collect();
    assert_eq!(formulas, [(2, "$high/$low"), (1, feature.draft.formula.as_str())]);
    assert_eq!(versions[0].fields, other.fields);

    let racing: Vec<_> = (0..5)
        .map(|n| {
            let (store, owner, id) = (store.clone(), owner.id, feature.id);
            let draft = FeatureDraft { formula: format!("$close*{n}"), ..draft("f") };
            tokio::spawn(async move { store.update_feature(owner, id, draft, audit("x")).await })
        })
        .collect();
    for update in racing {
        update.await.unwrap().unwrap();
    }
    let versions = store.feature_versions(owner.id, feature.id).await.unwrap().unwrap();
    let numbers: Vec<_> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
}

pub async fn someone_elses_feature_is_not_found(store: AnyStore) {
    let (owner, other) = (user(&store, 3).await, user(&store, 3).await);
    let feature = create(&store, &owner, draft("mine")).await;
    assert_eq!(store.feature(other.id, feature.id).await.unwrap(), None);
    let update = store.update_feature(other.id, feature.id, draft("theirs"), audit("no"));
    assert_eq!(update.await.unwrap(), None);
    assert!(!store.delete_feature(other.id, feature.id, audit("no")).await.unwrap());
    assert_eq!(store.feature_versions(other.id, feature.id).await.unwrap(), None);
    assert_eq!(store.features(other.id, PageRequest::default()).await.unwrap().total, 0);
    assert!(store.features_named(other.id, &["mine".to_owned()]).await.unwrap().is_empty());
    assert_eq!(store.feature(owner.id, feature.id).await.unwrap(), Some(feature));
    create(&store, &other, draft("mine")).await;
    assert!(!audited(&store).await.contains(&"no".to_owned()));
}

pub fn new_version(owner: &User, name: &str) -> NewDatasetVersion {
    let dataset = DatasetId::new();
    let day = |day| NaiveDate::from_ymd_opt(2017, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
    NewDatasetVersion {
        owner: owner.id,
        dataset_name: name.to_owned(),
        dataset,
        version: DatasetVersion {
            id: DatasetVersionId::new(),
            dataset,
            parent: None,
            manifest_key: "datasets/x/manifest.json".to_owned(),
            manifest_sha256: "ef".repeat(32),
            rows: 1,
            instruments: 1,
            start: day(1),
            end: day(31),
            findings: json!([]),
            announcements: None,
            created_at: now() + TimeDelta::milliseconds(1),
        },
        follows: Follows::Newest,
    }
}

/// One job that names what follows.
struct NamesAll;

impl SyncPlan for NamesAll {
    fn submissions(
        &self,
        dataset: &Dataset,
        version: &DatasetVersion,
        features: Vec<Feature>,
    ) -> Vec<Submission> {
        let names: Vec<_> = features.iter().map(|feature| feature.draft.name.as_str()).collect();
        if names.is_empty() {
            return Vec::new();
        }
        let spec = json!({ "names": names });
        let mut job = NewJob::new(dataset.owner, JobKind::FeatureComputation, spec);
        job.dataset_version = Some(version.id);
        vec![Submission::new(job, audit("data_sync_completed"))]
    }
}

pub async fn a_finished_sync_submits_its_plan(store: AnyStore) {
    let (owner, other) = (user(&store, 1).await, user(&store, 1).await);
    // The one session that the owner may have.
    submit(&store, probe(&owner)).await;
    create(&store, &owner, draft("b")).await;
    create(&store, &owner, draft("a")).await;
    create(&store, &owner, FeatureDraft { auto_compute: false, ..draft("asleep") }).await;
    let elsewhere = FeatureDraft { dataset: Some("other".to_owned()), ..draft("elsewhere") };
    create(&store, &owner, elsewhere).await;
    create(&store, &other, draft("theirs")).await;
    let gone = create(&store, &owner, draft("gone")).await;
    store.delete_feature(owner.id, gone.id, audit("feature.delete")).await.unwrap();

    let new = new_version(&owner, "market");
    let synced = store.sync_version(new, audit("dataset.import"), Arc::new(NamesAll)).await;
    let synced = synced.unwrap();
    let [job] = &synced.jobs[..] else { panic!("one job, not {:?}", synced.jobs) };
    assert_eq!(job.spec, json!({ "names": ["b", "a"] }));
    assert_eq!(job.dataset_version, Some(synced.version.id));
    assert_eq!(store.job(job.id).await.unwrap().as_ref(), Some(job));
    assert_eq!(job.state.name(), StateName::Pending);
    let actions = audited(&store).await;
    let last: Vec<_> = actions.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!(last, ["data_sync_completed", "dataset.import"]);

    let unconcerned = new_version(&owner, "unknown");
    let synced = store.sync_version(unconcerned, audit("x"), Arc::new(NamesAll)).await.unwrap();
    assert_eq!(synced.jobs, []);
    // A version that is refused starts nothing.
    let mut twice = new_version(&owner, "market");
    twice.version.id = synced.version.id;
    store.sync_version(twice, audit("no"), Arc::new(NamesAll)).await.unwrap_err();
    assert!(!audited(&store).await.contains(&"no".to_owned()));
}
