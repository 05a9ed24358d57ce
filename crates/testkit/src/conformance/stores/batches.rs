//! Many jobs in one transaction.

use alphafleet_domain::job::{Outcome, Priority, ProgressBatch};
use alphafleet_domain::ports::{
    Claim, IdempotencyKey, JobFilter, Settled, Settlement, Submission, SubmitError, Submitted,
};
use alphafleet_domain::{Job, JobId, LeaseId, PageRequest, Queue, User, WorkerId};

use super::AnyStore;
use super::support::*;

fn submission(owner: &User) -> Submission {
    Submission::new(probe(owner), audit("session.create"))
}

async fn claim_many(store: &AnyStore, worker: WorkerId, limit: u32) -> Vec<Job> {
    let claim = Claim { worker, queues: vec![Queue::default_queue()] };
    store.claim_many(&claim, limit).await.unwrap()
}

async fn jobs(store: &AnyStore) -> u64 {
    store.jobs(&JobFilter::default(), PageRequest::default()).await.unwrap().total
}

pub async fn a_batch_is_submitted_whole_or_not_at_all(store: AnyStore) {
    let owner = user(&store, 5).await;
    let batch = |count| (0..count).map(|_| submission(&owner)).collect::<Vec<_>>();
    let refused = store.submit_all(batch(6)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::LimitReached { limit: 5 }), "{refused:?}");
    assert_eq!(jobs(&store).await, 0);
    let submitted = store.submit_all(batch(5)).await.unwrap();
    let ids: Vec<JobId> = submitted.into_iter().map(|one| one.into_job().id).collect();
    assert_eq!(jobs(&store).await, 5);
    let refused = store.submit_all(batch(1)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::LimitReached { .. }), "{refused:?}");
    let entries = store.take_outbox(None, 99, std::time::Duration::from_secs(9)).await.unwrap();
    let told: Vec<JobId> = entries.iter().map(|entry| entry.event.job).collect();
    assert_eq!(told, ids);
    assert!(entries.iter().all(|entry| entry.event.outbox == Some(entry.id)));
    assert_eq!(audited(&store).await.iter().filter(|a| *a == "session.create").count(), 5);
    assert!(store.submit_all(Vec::new()).await.unwrap().is_empty());
}

pub async fn a_batch_of_several_owners_is_refused(store: AnyStore) {
    let (one, other) = (user(&store, 5).await, user(&store, 5).await);
    store.submit_all(vec![submission(&one), submission(&other)]).await.unwrap_err();
    assert_eq!(jobs(&store).await, 0);
}

pub async fn a_key_leads_to_its_job(store: AnyStore) {
    let owner = user(&store, 5).await;
    let key = |key: &str, body: &str| IdempotencyKey {
        key: key.to_owned(),
        body_sha256: body.repeat(64),
    };
    assert!(store.submitted(owner.id, &key("k", "a")).await.unwrap().is_none());
    let keyed = Submission { idempotency: Some(key("k", "a")), ..submission(&owner) };
    let job = store.submit(keyed.clone()).await.unwrap().into_job();
    assert_eq!(store.submitted(owner.id, &key("k", "a")).await.unwrap(), Some(job.clone()));
    let conflict = store.submitted(owner.id, &key("k", "b")).await.unwrap_err();
    assert!(matches!(conflict, SubmitError::IdempotencyConflict));
    let other = user(&store, 5).await;
    assert!(store.submitted(other.id, &key("k", "a")).await.unwrap().is_none(), "not theirs");
    let both = vec![Submission { job: probe(&owner), ..keyed.clone() }, submission(&owner)];
    let answers = store.submit_all(both).await.unwrap();
    assert_eq!(answers[0], Submitted::Replayed(job));
    assert!(matches!(answers[1], Submitted::New(_)));
    let twice = vec![keyed.clone(), keyed];
    let refused = store.submit_all(twice).await.unwrap_err();
    assert!(matches!(refused, SubmitError::IdempotencyConflict), "one key, two requests");
}

pub async fn an_experiment_is_made_with_its_job(store: AnyStore) {
    let owner = user(&store, 1).await;
    let named = |name: &str| Submission { experiment: Some(name.to_owned()), ..submission(&owner) };
    let job = store.submit(named("momentum")).await.unwrap().into_job();
    let experiments = async || store.experiments(owner.id, Default::default()).await.unwrap().items;
    let made = experiments().await;
    assert_eq!(made.len(), 1);
    assert_eq!((job.experiment, made[0].name.as_str()), (Some(made[0].id), "momentum"));
    store.submit(named("another")).await.expect_err("one session is the limit");
    assert_eq!(experiments().await.len(), 1, "a refused submit leaves nothing");
}

pub async fn a_batch_claims_as_single_claims_would(store: AnyStore) {
    let (heavy, light) = (user(&store, 99).await, user(&store, 99).await);
    for _ in 0..6 {
        submit(&store, probe(&heavy)).await;
    }
    for _ in 0..2 {
        submit(&store, probe(&light)).await;
    }
    let mut urgent = probe(&heavy);
    urgent.priority = Priority(5);
    let urgent = submit(&store, urgent).await;
    let worker = worker(&store).await;
    let claimed = claim_many(&store, worker, 6).await;
    assert_eq!(claimed[0].id, urgent.id, "priority comes first");
    let owners: Vec<_> = claimed[1..].iter().map(|job| job.owner).collect();
    assert_eq!(owners, [light.id, heavy.id, light.id, heavy.id, heavy.id], "then fair share");
    let leases: std::collections::HashSet<_> = claimed.iter().map(|job| job.lease()).collect();
    assert_eq!(leases.len(), 6, "each has a lease of its own");
    for job in &claimed {
        assert_eq!(super::support::job(&store, job.id).await, *job);
    }
    assert_eq!(claim_many(&store, worker, 99).await.len(), 3, "what is left");
    assert!(claim_many(&store, worker, 99).await.is_empty());
}

pub async fn a_batch_is_settled_each_under_its_own_lease(store: AnyStore) {
    let owner = user(&store, 9).await;
    for _ in 0..4 {
        submit(&store, probe(&owner)).await;
    }
    let worker = worker(&store).await;
    let claimed = claim_many(&store, worker, 4).await;
    let lease = |at: usize| claimed[at].lease().unwrap();
    let settlement = |lease: LeaseId, outcome: Outcome| Settlement {
        lease,
        outcome,
        last: ProgressBatch::default(),
    };
    settled(&store, lease(0), completed()).await;
    let answers = store
        .settle_all(vec![
            settlement(lease(0), completed()),
            settlement(lease(1), completed()),
            settlement(LeaseId::new(), completed()),
            settlement(lease(2), failed()),
            settlement(lease(3), Outcome::Released),
        ])
        .await
        .unwrap();
    assert!(matches!(answers[0], Settled::Already));
    assert!(matches!(answers[2], Settled::Fenced));
    let states: Vec<&str> = [1, 3, 4]
        .map(|at: usize| match &answers[at] {
            Settled::Done(job) => job.state.name().as_str(),
            other => panic!("{other:?}"),
        })
        .to_vec();
    assert_eq!(states, ["completed", "pending", "pending"]);
    assert!(store.settle_all(Vec::new()).await.unwrap().is_empty());
}

pub async fn racing_batches_never_share_a_job(store: AnyStore) {
    let owner = user(&store, 200).await;
    store.submit_all((0..100).map(|_| submission(&owner)).collect()).await.unwrap();
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        claimers.spawn(async move {
            let worker = worker(&store).await;
            let mut mine = Vec::new();
            loop {
                let batch = claim_many(&store, worker, 7).await;
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(batch.into_iter().map(|job| job.id));
            }
        });
    }
    let mut all: Vec<JobId> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), 100);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 100, "a job was claimed twice");
}
