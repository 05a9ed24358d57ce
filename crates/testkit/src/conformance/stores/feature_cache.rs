//! Computed columns: claimed once, ready with their job, evicted by use.

use std::time::Duration;

use alphafleet_domain::job::{Completion, Outcome};
use alphafleet_domain::ports::NewJob;
use alphafleet_domain::{
    CachedFeature, DatasetVersionId, FeatureClaim, FeatureKey, LeaseId, User, WorkerId,
};
use serde_json::json;

use super::AnyStore;
use super::features::new_version;
use super::support::*;

const LONG: Duration = Duration::from_secs(3_600);

fn keys<const N: usize>(names: [&str; N]) -> [FeatureKey; N] {
    names.map(|name| FeatureKey(name.to_owned()))
}

fn column(key: &str, bytes: u64) -> CachedFeature {
    CachedFeature {
        key: FeatureKey(key.to_owned()),
        object_key: format!("features/{key}.parquet"),
        bytes,
        sha256: "ab".repeat(32),
    }
}

/// A dataset's version, and attempts on it.
struct Fleet {
    store: AnyStore,
    owner: User,
    worker: WorkerId,
    version: DatasetVersionId,
}

impl Fleet {
    async fn start(store: AnyStore) -> Self {
        let owner = user(&store, 100).await;
        let worker = worker(&store).await;
        let new = new_version(&owner, "market");
        let (_, version) = store.add_version(new, audit("dataset.import")).await.unwrap();
        Self { store, owner, worker, version: version.id }
    }

    async fn attempt(&self) -> LeaseId {
        let job = NewJob { dataset_version: Some(self.version), ..probe(&self.owner) };
        submit(&self.store, job).await;
        claim(&self.store, self.worker).await.1
    }

    async fn wants<const N: usize>(&self, lease: LeaseId, names: [&str; N]) -> FeatureClaim {
        self.wants_for(lease, names, LONG).await
    }

    async fn wants_for<const N: usize>(
        &self,
        lease: LeaseId,
        names: [&str; N],
        time: Duration,
    ) -> FeatureClaim {
        self.store.claim_features(lease, self.version, &keys(names), time).await.unwrap()
    }

    async fn completes(&self, lease: LeaseId, features: Vec<CachedFeature>) {
        let completion = Completion { features, result: json!({}), ..Completion::default() };
        settled(&self.store, lease, Outcome::Completed(completion)).await;
    }
}

fn nothing_ready() -> FeatureClaim {
    FeatureClaim::Claimed { ready: Vec::new() }
}

pub async fn a_column_is_computed_once(store: AnyStore) {
    let fleet = Fleet::start(store).await;
    let (first, second) = (fleet.attempt().await, fleet.attempt().await);
    assert_eq!(fleet.wants(first, ["a", "b", "a"]).await, nothing_ready());
    assert_eq!(fleet.wants(first, ["a", "b"]).await, nothing_ready(), "asked again");
    let wait = FeatureClaim::Wait { computed_by: first };
    assert_eq!(fleet.wants(second, ["b", "c"]).await, wait);
    assert_eq!(fleet.wants(first, ["c"]).await, nothing_ready(), "who waits holds nothing");
    let columns = vec![column("a", 10), column("b", 20), column("c", 30)];
    fleet.completes(first, columns.clone()).await;
    let ready = FeatureClaim::Claimed { ready: columns[1..].to_vec() };
    assert_eq!(fleet.wants(second, ["b", "c", "d"]).await, ready);
    let cached = fleet.store.cached_features(&keys(["a", "d", "x"])).await.unwrap();
    assert_eq!(cached, columns[..1]);
}

pub async fn racing_claims_have_one_winner(store: AnyStore) {
    let fleet = Fleet::start(store).await;
    let mut leases = Vec::new();
    for _ in 0..6 {
        leases.push(fleet.attempt().await);
    }
    let racing: Vec<_> = leases
        .into_iter()
        .map(|lease| {
            let (store, version) = (fleet.store.clone(), fleet.version);
            tokio::spawn(async move {
                store.claim_features(lease, version, &keys(["a", "b"]), LONG).await.unwrap()
            })
        })
        .collect();
    let mut winners = 0;
    for claim in racing {
        winners += usize::from(claim.await.unwrap() == nothing_ready());
    }
    assert_eq!(winners, 1);
}

pub async fn a_claim_ends_with_its_lease_or_time(store: AnyStore) {
    let fleet = Fleet::start(store).await;
    let (first, second) = (fleet.attempt().await, fleet.attempt().await);
    fleet.wants(first, ["a"]).await;
    settled(&fleet.store, first, Outcome::Cancelled).await;
    assert_eq!(fleet.wants(second, ["a"]).await, nothing_ready());
    fleet.wants_for(second, ["b"], Duration::ZERO).await;
    let third = fleet.attempt().await;
    assert_eq!(fleet.wants(third, ["b"]).await, nothing_ready());
    assert_eq!(fleet.wants(third, ["a"]).await, FeatureClaim::Wait { computed_by: second });
    settled(&fleet.store, second, Outcome::Cancelled).await;
    let gone = fleet.store.evictable_features(u64::MAX, 10).await.unwrap();
    let names: Vec<_> = gone.iter().map(|one| (one.key.0.as_str(), &one.object_key)).collect();
    assert_eq!(names, [("a", &None)], "what nobody computes any more");
    assert_eq!(fleet.store.forget_features(&gone).await.unwrap(), 1);
}

pub async fn the_least_recently_used_columns_go(store: AnyStore) {
    let fleet = Fleet::start(store).await;
    for (name, bytes) in [("a", 50), ("b", 30), ("c", 40)] {
        let lease = fleet.attempt().await;
        fleet.wants(lease, [name]).await;
        fleet.completes(lease, vec![column(name, bytes)]).await;
    }
    let evictable = async |bytes| fleet.store.evictable_features(bytes, 10).await.unwrap();
    assert_eq!(evictable(120).await, []);
    fleet.store.cached_features(&keys(["a"])).await.unwrap();
    let names = |gone: &[alphafleet_domain::EvictableFeature]| {
        gone.iter().map(|one| one.key.0.clone()).collect::<Vec<_>>()
    };
    let gone = evictable(60).await;
    assert_eq!(names(&gone), ["b", "c"], "a was used last");
    fleet.store.cached_features(&keys(["c"])).await.unwrap();
    assert_eq!(fleet.store.forget_features(&gone).await.unwrap(), 1, "c was used meanwhile");
    assert_eq!(names(&evictable(0).await), ["a", "c"]);
    assert!(evictable(90).await.is_empty());
}

pub async fn a_lost_attempt_keeps_nothing(store: AnyStore) {
    let fleet = Fleet::start(store).await;
    let lease = fleet.attempt().await;
    fleet.wants(lease, ["a"]).await;
    settled(&fleet.store, lease, failed()).await;
    let completion = Completion { features: vec![column("a", 1)], ..Completion::default() };
    settle(&fleet.store, lease, Outcome::Completed(completion)).await;
    assert_eq!(fleet.store.cached_features(&keys(["a"])).await.unwrap(), []);
}
