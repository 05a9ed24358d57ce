//! Passes, resource samples, and what keeps a store from growing without bound.

use std::time::Duration;

use alphafleet_domain::job::{LogLevel, LogLine, MetricPoint, ProgressBatch, ResourceSample};
use alphafleet_domain::ports::{
    IdempotencyKey, LogQuery, MetricQuery, PassHash, ResourceQuery, RetentionPolicy, Submission,
    SweepableAttempt,
};
use alphafleet_domain::{JobId, LeaseId};
use chrono::TimeDelta;

use super::AnyStore;
use super::support::*;

const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// Keeps everything.
const KEEP: RetentionPolicy = RetentionPolicy {
    series: FOR_EVER,
    logs: FOR_EVER,
    idempotency_keys: FOR_EVER,
    callbacks: FOR_EVER,
    workers: FOR_EVER,
    batch: 100,
};

fn sample(attempt: u32, second: i64) -> ResourceSample {
    ResourceSample {
        attempt,
        at: now() + TimeDelta::seconds(second),
        cpu_percent: 187.5,
        memory_bytes: 5_000_000_000,
        read_bytes: 1,
        written_bytes: 2,
    }
}

pub async fn a_pass_is_good_once_and_for_a_while(store: AnyStore) {
    let owner = user(&store, 1).await;
    let pass = |byte| PassHash([byte; 32]);
    assert_eq!(store.redeem_pass(pass(1)).await.unwrap(), None);
    store.keep_pass(pass(1), owner.id, Duration::from_secs(60)).await.unwrap();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = store.clone();
        racers.spawn(async move { store.redeem_pass(pass(1)).await.unwrap() });
    }
    let won = racers.join_all().await.into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(won, [owner.id], "one of them alone");
    store.keep_pass(pass(2), owner.id, Duration::ZERO).await.unwrap();
    assert_eq!(store.redeem_pass(pass(2)).await.unwrap(), None, "it has run out");
}

pub async fn resources_are_kept_and_limited(store: AnyStore) {
    let (job, lease, _) = running(&store).await;
    let samples: Vec<_> = (0..5).map(|second| sample(1, second)).collect();
    let batch = ProgressBatch { resources: samples.clone(), ..ProgressBatch::default() };
    store.record(lease, &batch).await.unwrap();
    store.record(lease, &batch).await.unwrap();
    let read = async |limit| store.resources(&ResourceQuery { job: job.id, limit }).await.unwrap();
    assert_eq!(read(99).await, samples);
    assert_eq!(read(2).await, samples[3..]);
    let wild = ResourceSample { cpu_percent: f64::NAN, ..sample(2, 9) };
    let batch = ProgressBatch { resources: vec![wild], ..ProgressBatch::default() };
    store.record(lease, &batch).await.unwrap();
    assert_eq!(read(99).await.len(), 6);
}

/// A completed job with a metric, a sample and a line of log.
async fn ended(store: &AnyStore) -> (JobId, LeaseId) {
    let (job, lease, _) = running(store).await;
    let last = everything();
    store.settle(lease, &completed(), &last).await.unwrap();
    (job.id, lease)
}

fn everything() -> ProgressBatch {
    let metric = MetricPoint { name: "loss".to_owned(), step: 1, value: 0.5, at: now() };
    let line = LogLine { at: now(), level: LogLevel::Info, message: "hello".to_owned() };
    ProgressBatch {
        metrics: vec![metric],
        logs: vec![line],
        resources: vec![sample(1, 0)],
        ..ProgressBatch::default()
    }
}

/// How many metrics, samples and lines a job has.
async fn series(store: &AnyStore, job: JobId) -> (usize, usize, usize) {
    let metrics = store.metrics(&MetricQuery { job, name: None, limit: 9 }).await.unwrap();
    let resources = store.resources(&ResourceQuery { job, limit: 9 }).await.unwrap();
    let logs = store.logs(&LogQuery { job, contains: None, limit: 9 }).await.unwrap();
    (metrics.len(), resources.len(), logs.len())
}

pub async fn series_of_ended_jobs_are_pruned(store: AnyStore) {
    let (old, _) = ended(&store).await;
    let (active, lease, _) = running(&store).await;
    store.record(lease, &everything()).await.unwrap();
    assert_eq!(store.prune(&KEEP).await.unwrap().total(), 0);
    assert_eq!(series(&store, old).await, (1, 1, 1));
    let short = RetentionPolicy { series: Duration::ZERO, ..KEEP };
    let pruned = eventually("what is old goes", async || {
        let pruned = store.prune(&short).await.unwrap();
        (pruned.total() > 0).then_some(pruned)
    });
    let pruned = pruned.await;
    assert_eq!((pruned.metrics, pruned.resources, pruned.logs), (1, 1, 0));
    assert_eq!(series(&store, old).await, (0, 0, 1));
    let short = RetentionPolicy { logs: Duration::ZERO, ..short };
    assert_eq!(store.prune(&short).await.unwrap().logs, 1);
    assert_eq!(series(&store, active.id).await, (1, 1, 1), "an active job keeps everything");
    assert_eq!(store.prune(&short).await.unwrap().total(), 0, "nothing is left to do");
}

pub async fn keys_callbacks_and_workers_are_pruned(store: AnyStore) {
    let owner = user(&store, 9).await;
    let key = IdempotencyKey { key: "k".to_owned(), body_sha256: "a".repeat(64) };
    let submission = Submission {
        idempotency: Some(key.clone()),
        callback_url: Some("https://example.com".to_owned()),
        ..Submission::new(probe(&owner), audit("session.create"))
    };
    store.submit(submission).await.unwrap();
    let busy = worker(&store).await;
    let idle = worker(&store).await;
    let (job, lease) = claim(&store, busy).await;
    let short = RetentionPolicy {
        idempotency_keys: Duration::ZERO,
        callbacks: Duration::ZERO,
        workers: Duration::ZERO,
        ..KEEP
    };
    // What was kept within the same millisecond is not older than that yet.
    let pruned = eventually("what is old goes", async || {
        let pruned = store.prune(&short).await.unwrap();
        (pruned.total() > 0).then_some(pruned)
    });
    let pruned = pruned.await;
    assert_eq!((pruned.idempotency_keys, pruned.workers, pruned.callbacks), (1, 1, 0));
    assert!(store.submitted(owner.id, &key).await.unwrap().is_none());
    let left: Vec<_> = store.workers().await.unwrap().iter().map(|row| row.record.id).collect();
    assert_eq!(left, [busy], "{idle} held nothing");
    settled(&store, lease, completed()).await;
    assert_eq!(store.prune(&short).await.unwrap().callbacks, 0, "it is still to be delivered");
    let callback = store.callback(job.id).await.unwrap().unwrap();
    let delivered = alphafleet_domain::ports::CallbackTry::Delivered;
    store.note_callback(callback.id, &delivered).await.unwrap();
    let pruned = eventually("a delivered one goes", async || {
        let pruned = store.prune(&short).await.unwrap();
        (pruned.total() > 0).then_some(pruned)
    });
    assert_eq!(pruned.await.callbacks, 1);
}

pub async fn files_that_nobody_points_to_are_swept_once(store: AnyStore) {
    let owner = user(&store, 9).await;
    let worker = worker(&store).await;
    submit(&store, probe(&owner)).await;
    let (job, first) = claim(&store, worker).await;
    settled(&store, first, failed()).await;
    let sweepable = async |idle| store.sweepable(idle, 9).await.unwrap();
    assert!(sweepable(Duration::ZERO).await.is_empty(), "its next attempt may go on from them");
    let (_, second) = claim(&store, worker).await;
    settled(&store, second, completed()).await;
    assert!(sweepable(FOR_EVER).await.is_empty(), "too soon");
    let found = sweepable(Duration::ZERO).await;
    assert_eq!(found, [SweepableAttempt { job: job.id, lease: first }]);
    store.swept(&[first]).await.unwrap();
    assert!(sweepable(Duration::ZERO).await.is_empty());
}

pub async fn a_worker_without_a_row_is_told_so(store: AnyStore) {
    let (_, lease, worker) = running(&store).await;
    let beat = alphafleet_domain::ports::Beat { worker, held: vec![lease] };
    let answer = store.beat(&beat).await.unwrap();
    assert!(!answer.unregistered && answer.fenced.is_empty());
    store.deregister_worker(worker).await.unwrap();
    let answer = store.beat(&beat).await.unwrap();
    assert!(answer.unregistered);
    assert_eq!(answer.fenced, [lease]);
}
