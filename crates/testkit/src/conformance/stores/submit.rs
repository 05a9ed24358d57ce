//! Submitting: limits, idempotency, what is written.

use alphafleet_domain::job::{Priority, RetryPolicy, StateName, TimeLimits};
use alphafleet_domain::ports::{IdempotencyKey, NewJob, Submission, SubmitError, Submitted};
use alphafleet_domain::{EventKind, Job, JobKind, JobState, Role, UserId};
use chrono::TimeDelta;
use serde_json::json;

use super::AnyStore;
use super::support::*;

fn submission(job: NewJob, key: Option<(&str, &str)>) -> Submission {
    let idempotency =
        key.map(|(key, body)| IdempotencyKey { key: key.to_owned(), body_sha256: body.to_owned() });
    Submission { idempotency, ..Submission::new(job, audit("session.create")) }
}

pub async fn stores_a_job_as_submitted(store: AnyStore) {
    let owner = user(&store, 3).await;
    let parent = submit(&store, probe(&owner)).await;
    let mut new = NewJob::new(owner.id, JobKind::Training, json!({ "a": [1, 0.1, null, "é"] }));
    new.queue = "training.gpu".parse().unwrap();
    new.priority = Priority(-7);
    new.parent = Some(parent.id);
    new.limits = TimeLimits::new(1, u64::from(u32::MAX));
    new.retry = RetryPolicy { max_failures: 9, backoff_ms: 1, max_backoff_ms: 2 };
    new.not_before = Some(now() + TimeDelta::hours(1));
    let given = submit(&store, new.clone()).await;
    assert_eq!(given, job(&store, new.id).await);
    let Job { id, owner, kind, queue, priority, parent, spec, limits, retry, state, .. } =
        given.clone();
    assert_eq!(
        (id, owner, kind, queue, priority, parent),
        (new.id, new.owner, new.kind, new.queue, new.priority, new.parent)
    );
    assert_eq!((spec, limits, retry), (new.spec, new.limits, new.retry));
    assert_eq!(state, JobState::Pending { not_before: new.not_before });
    assert_eq!((given.attempt, given.failures), (0, 0));
    assert!((now() - given.created_at).abs() < TimeDelta::minutes(1));

    let events = store.take_outbox(Some(id), 10, std::time::Duration::from_secs(9)).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].event.kind, EventKind::State);
    assert_eq!(events[0].event.payload["state"], "pending");
    assert_eq!(audited(&store).await, ["user.create", "session.create", "session.create"]);
}

pub async fn limit_holds_under_racing_submits(store: AnyStore) {
    let owner = user(&store, 3).await;
    let racing: Vec<_> = (0..50)
        .map(|_| {
            let (store, job) = (store.clone(), probe(&owner));
            tokio::spawn(async move { store.submit(submission(job, None)).await })
        })
        .collect();
    let mut accepted = 0;
    for submit in racing {
        match submit.await.unwrap() {
            Ok(Submitted::New(_)) => accepted += 1,
            Err(SubmitError::LimitReached { limit: 3 }) => {}
            other => panic!("unexpected answer {other:?}"),
        }
    }
    assert_eq!(accepted, 3);
    assert_eq!(store.jobs(&Default::default(), Default::default()).await.unwrap().total, 3);
}

pub async fn administrators_are_limited_too(store: AnyStore) {
    let mut admin = new_user("admin", 1);
    admin.role = Role::Admin;
    let admin = store.create_user(admin, audit("user.create")).await.unwrap();
    submit(&store, probe(&admin)).await;
    let second = store.submit(submission(probe(&admin), None)).await;
    assert!(matches!(second, Err(SubmitError::LimitReached { limit: 1 })), "{second:?}");
}

pub async fn an_ended_job_frees_its_place(store: AnyStore) {
    let owner = user(&store, 1).await;
    submit(&store, probe(&owner)).await;
    let worker = worker(&store).await;
    let (_, lease) = claim(&store, worker).await;
    let second = store.submit(submission(probe(&owner), None)).await;
    assert!(matches!(second, Err(SubmitError::LimitReached { .. })), "a running job counts");
    settled(&store, lease, completed()).await;
    submit(&store, probe(&owner)).await;
}

pub async fn children_do_not_count(store: AnyStore) {
    let owner = user(&store, 1).await;
    let parent = submit(&store, probe(&owner)).await;
    for _ in 0..5 {
        let mut child = probe(&owner);
        child.parent = Some(parent.id);
        submit(&store, child).await;
    }
    let pending = [StateName::Pending].to_vec();
    let filter = alphafleet_domain::ports::JobFilter { states: pending, ..Default::default() };
    assert_eq!(store.jobs(&filter, Default::default()).await.unwrap().total, 6);
}

pub async fn an_unknown_user_is_refused(store: AnyStore) {
    let mut ghost = user(&store, 1).await;
    ghost.id = UserId::new();
    let answer = store.submit(submission(probe(&ghost), None)).await;
    assert!(matches!(answer, Err(SubmitError::UnknownUser)), "{answer:?}");
}

pub async fn a_repeated_request_is_replayed(store: AnyStore) {
    let owner = user(&store, 1).await;
    let first = store.submit(submission(probe(&owner), Some(("key", "body")))).await.unwrap();
    let Submitted::New(first) = first else { panic!("nothing to replay") };
    let again = store.submit(submission(probe(&owner), Some(("key", "body")))).await.unwrap();
    assert_eq!(again, Submitted::Replayed(first));
    let other = store.submit(submission(probe(&owner), Some(("key", "other")))).await;
    assert!(matches!(other, Err(SubmitError::IdempotencyConflict)), "{other:?}");
    let someone = user(&store, 1).await;
    let theirs = store.submit(submission(probe(&someone), Some(("key", "other")))).await.unwrap();
    assert!(matches!(theirs, Submitted::New(_)), "keys are each user's own");
}

pub async fn racing_repetitions_make_one_job(store: AnyStore) {
    let owner = user(&store, 50).await;
    let racing: Vec<_> = (0..20)
        .map(|_| {
            let (store, job) = (store.clone(), probe(&owner));
            tokio::spawn(async move { store.submit(submission(job, Some(("k", "b")))).await })
        })
        .collect();
    let mut ids = Vec::new();
    for submit in racing {
        ids.push(submit.await.unwrap().unwrap().into_job().id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "every answer names the same job");
}

pub async fn abandoned_calls_do_no_harm(store: AnyStore) {
    let owner = user(&store, 1_000).await;
    for n in 0..100 {
        let patience = std::time::Duration::from_micros(n * 30);
        let call = store.submit(submission(probe(&owner), None));
        let _ = tokio::time::timeout(patience, call).await;
    }
    let last = submit(&store, probe(&owner)).await;
    assert_eq!(job(&store, last.id).await, last);
    let first_event = store.take_outbox(None, 1, std::time::Duration::from_secs(9)).await.unwrap();
    assert_eq!(first_event.len(), 1, "nothing stays locked");
}

pub async fn a_refused_statement_changes_nothing(store: AnyStore) {
    let owner = user(&store, 3).await;
    let mut orphan = probe(&owner);
    orphan.strategy = Some(alphafleet_domain::StrategyId::new());
    let answer = store.submit(submission(orphan, Some(("key", "body")))).await;
    assert!(matches!(answer, Err(SubmitError::Store(_))), "{answer:?}");
    assert_eq!(store.jobs(&Default::default(), Default::default()).await.unwrap().total, 0);
    assert_eq!(audited(&store).await, ["user.create"]);
    let next = store.submit(submission(probe(&owner), Some(("key", "body")))).await.unwrap();
    assert!(matches!(next, Submitted::New(_)), "{next:?}");
}
