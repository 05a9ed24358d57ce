//! Publication, depths, lists, names.

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, LogLevel, LogLine, Outcome, ProgressBatch, StateName,
};
use alphafleet_domain::ports::{JobFilter, LogQuery, NewJob, QueueDepth};
use alphafleet_domain::{ArtifactKind, JobKind, JobState, PageRequest};
use chrono::TimeDelta;
use serde_json::json;

use super::AnyStore;
use super::support::*;

pub async fn a_due_job_is_published_once_for_a_while(store: AnyStore) {
    let owner = user(&store, 9).await;
    let first = submit(&store, probe(&owner)).await;
    let second = submit(&store, probe(&owner)).await;
    let mut later = probe(&owner);
    later.not_before = Some(now() + TimeDelta::hours(1));
    submit(&store, later).await;
    let submitted = now();
    assert!(store.take_due(9).await.unwrap().is_empty(), "who submits announces");
    let due =
        eventually("an unclaimed job is due", async || store.take_due(1).await.unwrap().pop());
    assert_eq!(due.await, first);
    let taken = now();
    assert!(taken - submitted >= TimeDelta::milliseconds(4_900), "the first wait is 5 s");
    let due = eventually("so is the next", async || store.take_due(9).await.unwrap().pop());
    assert_eq!(due.await, second);
    assert!(store.take_due(9).await.unwrap().is_empty());
    let again =
        eventually("a lost ticket is replaced", async || store.take_due(1).await.unwrap().pop())
            .await;
    assert_eq!(again.id, first.id);
    assert!(now() - taken >= TimeDelta::milliseconds(4_900), "the first wait is 5 s");
    let worker = worker(&store).await;
    let (_, lease) = claim(&store, worker).await;
    settled(&store, lease, Outcome::Released).await;
    let due = eventually("a released job is due at once", async || {
        store.take_due(9).await.unwrap().into_iter().find(|job| job.id == first.id)
    })
    .await;
    assert_eq!(due.attempt, 1);
}

pub async fn a_retry_is_due_after_its_back_off(store: AnyStore) {
    let owner = user(&store, 9).await;
    let mut new = probe(&owner);
    new.retry.backoff_ms = 1_000;
    new.retry.max_backoff_ms = 1_000;
    submit(&store, new).await;
    let worker = worker(&store).await;
    let (_, lease) = claim(&store, worker).await;
    assert!(store.take_due(9).await.unwrap().is_empty(), "it runs");
    let waiting = settled(&store, lease, failed()).await;
    let JobState::Pending { not_before: Some(due) } = waiting.state else { panic!("{waiting:?}") };
    assert!(store.take_due(9).await.unwrap().is_empty(), "it waits");
    eventually("the retry is due", async || store.take_due(9).await.unwrap().pop()).await;
    assert!(now() >= due);
}

pub async fn depths_count_by_queue(store: AnyStore) {
    let owner = user(&store, 99).await;
    assert!(store.queue_depths().await.unwrap().is_empty());
    for _ in 0..3 {
        submit(&store, probe(&owner)).await;
    }
    submit(&store, NewJob::new(owner.id, JobKind::Training, json!({}))).await;
    let worker = worker(&store).await;
    claim(&store, worker).await;
    let (_, lease) = claim(&store, worker).await;
    settled(&store, lease, completed()).await;
    let depth = |queue: &str, pending, running| QueueDepth {
        queue: queue.parse().unwrap(),
        pending,
        running,
    };
    let depths = store.queue_depths().await.unwrap();
    assert_eq!(depths, [depth("default", 1, 1), depth("training", 1, 0)]);
}

pub async fn jobs_are_filtered_and_paged(store: AnyStore) {
    let (owner, other) = (user(&store, 99).await, user(&store, 99).await);
    let mut mine = Vec::new();
    for _ in 0..5 {
        mine.push(submit(&store, probe(&owner)).await.id);
    }
    mine.reverse();
    submit(&store, probe(&other)).await;
    let mut child = probe(&other);
    child.parent = Some(mine[0]);
    submit(&store, child).await;
    store.request_cancel(mine[4], audit("session.stop")).await.unwrap();

    let of_owner = JobFilter { owner: Some(owner.id), ..JobFilter::default() };
    let page = store.jobs(&of_owner, PageRequest::new(2, 1)).await.unwrap();
    assert_eq!(page.total, 5);
    assert_eq!(page.items.iter().map(|job| job.id).collect::<Vec<_>>(), mine[1..3]);
    let total =
        async |filter: JobFilter| store.jobs(&filter, PageRequest::default()).await.unwrap().total;
    assert_eq!(total(JobFilter::default()).await, 7);
    assert_eq!(total(JobFilter { top_level: true, ..JobFilter::default() }).await, 6);
    let states = vec![StateName::Cancelled, StateName::Failed];
    assert_eq!(total(JobFilter { states, ..JobFilter::default() }).await, 1);
    let kind = Some(JobKind::Training);
    assert_eq!(total(JobFilter { kind, ..JobFilter::default() }).await, 0);
}

pub async fn every_name_survives_a_round_trip(store: AnyStore) {
    let owner = user(&store, 99).await;
    for kind in JobKind::ALL {
        let new = NewJob::new(owner.id, kind, json!({}));
        let kept = submit(&store, new.clone()).await;
        assert_eq!((kept.kind, kept.queue), (kind, new.queue));
        store.request_cancel(kept.id, audit("session.stop")).await.unwrap();
    }
    let codes = [
        FailureCode::InvalidSpec,
        FailureCode::InvalidData,
        FailureCode::HandlerError,
        FailureCode::ProcessExited,
        FailureCode::ProcessKilled,
        FailureCode::OutOfMemory,
        FailureCode::SoftTimeLimit,
        FailureCode::HardTimeLimit,
        FailureCode::WorkerLost,
        FailureCode::ChildFailed,
        FailureCode::Internal,
    ];
    for code in codes {
        let (_, lease, _) = running(&store).await;
        let failure = Failure::permanent(code, "é\n\"");
        let over = settled(&store, lease, Outcome::Failed(failure.clone())).await;
        assert_eq!(job(&store, over.id).await.state, JobState::Failed(failure));
    }
    let kinds = [
        ArtifactKind::Model,
        ArtifactKind::Predictions,
        ArtifactKind::Features,
        ArtifactKind::ReportJson,
        ArtifactKind::ReportHtml,
        ArtifactKind::Metrics,
        ArtifactKind::BacktestReport,
        ArtifactKind::Positions,
        ArtifactKind::Trades,
        ArtifactKind::Orders,
        ArtifactKind::Fills,
        ArtifactKind::Contributions,
        ArtifactKind::Indicators,
        ArtifactKind::Share,
        ArtifactKind::Checkpoint,
        ArtifactKind::Log,
        ArtifactKind::Other,
    ];
    let levels = [LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error];
    let (begun, lease, _) = running(&store).await;
    let artifacts = kinds.map(|kind| pointer(kind, kind.as_str())).to_vec();
    let outcome = Outcome::Completed(Completion { artifacts, ..Completion::default() });
    let logs = levels.map(|level| LogLine { at: now(), level, message: String::new() }).to_vec();
    let last = ProgressBatch { logs: logs.clone(), ..ProgressBatch::default() };
    store.settle(lease, &outcome, &last).await.unwrap();
    let mut kept: Vec<_> =
        store.artifacts(begun.id).await.unwrap().into_iter().map(|p| (p.name, p.kind)).collect();
    let mut sent: Vec<_> = kinds.map(|kind| (kind.as_str().to_owned(), kind)).to_vec();
    kept.sort_by(|a, b| a.0.cmp(&b.0));
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(kept, sent);
    let query = LogQuery { job: begun.id, contains: None, limit: 9 };
    assert_eq!(store.logs(&query).await.unwrap(), logs);
}
