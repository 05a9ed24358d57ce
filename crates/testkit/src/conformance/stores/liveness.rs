//! Beats, expiry, fencing of the silent.

use std::time::Duration;

use alphafleet_domain::job::{FailureCode, ProgressBatch};
use alphafleet_domain::ports::{Beat, Recorded, Settled};
use alphafleet_domain::{JobState, LeaseId, WorkerId};

use super::AnyStore;
use super::support::*;

const LONG: Duration = Duration::from_secs(600);

async fn beat(
    store: &AnyStore,
    worker: WorkerId,
    held: &[LeaseId],
) -> (Vec<LeaseId>, Vec<LeaseId>) {
    let answer = store.beat(&Beat { worker, held: held.to_vec() }).await.unwrap();
    (answer.fenced, answer.cancel)
}

pub async fn a_silent_workers_job_expires_only_after_the_window(store: AnyStore) {
    let window = Duration::from_millis(500);
    let (running, lease, worker) = running(&store).await;
    assert!(store.expire(LONG).await.unwrap().is_empty(), "the window is not over");
    let expired = eventually("the job expires", async || {
        store.expire(window).await.unwrap().into_iter().next()
    })
    .await;
    assert_eq!((expired.job.id, expired.worker), (running.id, worker));
    let waiting = job(&store, running.id).await;
    assert_eq!(waiting, expired.job);
    assert!(matches!(waiting.state, JobState::Pending { .. }));
    assert_eq!(waiting.failures, 1);
    assert_eq!(waiting.last_failure.unwrap().code, FailureCode::WorkerLost);
    let row = store.workers().await.unwrap().remove(0);
    let silence = now() - row.last_seen;
    assert!(silence >= chrono::TimeDelta::from_std(window).unwrap(), "expired too early");
    // The one who comes back is too late.
    let batch = ProgressBatch::default();
    assert_eq!(store.record(lease, &batch).await.unwrap(), Recorded::Fenced);
    assert_eq!(settle(&store, lease, completed()).await, Settled::Fenced);
    assert_eq!(beat(&store, worker, &[lease]).await, (vec![lease], vec![]));
    assert!(store.expire(window).await.unwrap().is_empty(), "a job expires once");
}

pub async fn a_beating_worker_keeps_its_job(store: AnyStore) {
    let window = Duration::from_secs(2);
    let (running, lease, worker) = running(&store).await;
    let end = tokio::time::Instant::now() + window + Duration::from_millis(700);
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    while tokio::time::Instant::now() < end {
        ticks.tick().await;
        assert_eq!(beat(&store, worker, &[lease]).await, (vec![], vec![]));
        assert!(store.expire(window).await.unwrap().is_empty());
    }
    assert_eq!(job(&store, running.id).await, running);
}

pub async fn an_expired_job_to_be_cancelled_is_cancelled(store: AnyStore) {
    let (running, _, _) = running(&store).await;
    store.request_cancel(running.id, audit("session.stop")).await.unwrap();
    let expired = eventually("the job expires", async || {
        store.expire(Duration::from_millis(50)).await.unwrap().into_iter().next()
    })
    .await;
    assert_eq!(expired.job.state, JobState::Cancelled);
}

pub async fn jobs_of_a_removed_worker_expire(store: AnyStore) {
    let (running, lease, worker) = running(&store).await;
    store.deregister_worker(worker).await.unwrap();
    assert_eq!(beat(&store, worker, &[lease]).await.0, [lease], "nobody knows this worker");
    let expired = store.expire(LONG).await.unwrap();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].job.id, running.id);
    assert!(store.workers().await.unwrap().is_empty());
}

pub async fn a_beat_tells_what_is_fenced(store: AnyStore) {
    let (_, mine, worker) = running(&store).await;
    let (_, theirs, _) = running(&store).await;
    let ghost = LeaseId::new();
    let (fenced, cancel) = beat(&store, worker, &[ghost, mine, theirs]).await;
    assert_eq!((fenced, cancel), (vec![ghost, theirs], vec![]));
    settled(&store, mine, completed()).await;
    assert_eq!(beat(&store, worker, &[mine]).await.0, [mine], "settled is no longer held");
}

pub async fn a_job_missing_from_two_beats_is_released(store: AnyStore) {
    let (running, lease, worker) = running(&store).await;
    beat(&store, worker, &[]).await;
    assert_eq!(job(&store, running.id).await, running, "once may be on its way");
    beat(&store, worker, &[lease]).await;
    beat(&store, worker, &[]).await;
    assert_eq!(job(&store, running.id).await, running, "not two in a row");
    beat(&store, worker, &[]).await;
    let released = job(&store, running.id).await;
    assert_eq!(released.state, JobState::Pending { not_before: None });
    assert_eq!((released.attempt, released.failures), (1, 0));
    assert_eq!(settle(&store, lease, completed()).await, Settled::Fenced);
    let (again, second) = claim(&store, worker).await;
    assert_eq!(again.id, running.id);
    beat(&store, worker, &[]).await;
    assert_eq!(beat(&store, worker, &[second]).await.0, [], "counted anew for each lease");
}

pub async fn workers_are_listed_with_their_load(store: AnyStore) {
    let record = worker_record();
    store.register_worker(&record).await.unwrap();
    let owner = user(&store, 3).await;
    submit(&store, probe(&owner)).await;
    claim(&store, record.id).await;
    let rows = store.workers().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].record, rows[0].running), (&record, 1));
    let first = rows[0].last_seen;
    let seen_later = eventually("a later beat", async || {
        beat(&store, record.id, &[]).await;
        store.workers().await.unwrap().into_iter().find(|row| row.last_seen > first)
    })
    .await;
    assert_eq!(seen_later.started_at, rows[0].started_at);
}
