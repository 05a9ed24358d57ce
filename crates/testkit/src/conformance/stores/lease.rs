//! Fencing, settling, retries.

use std::time::Duration;

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, LogLevel, LogLine, Outcome, Progress, ProgressBatch,
    RetryPolicy,
};
use alphafleet_domain::ports::{LogQuery, Recorded, Settled};
use alphafleet_domain::{ArtifactKind, JobState, LeaseId, NewModel};
use serde_json::json;

use super::AnyStore;
use super::support::*;

pub async fn only_the_current_lease_writes(store: AnyStore) {
    let (before, old, worker) = running(&store).await;
    settled(&store, old, Outcome::Released).await;
    let (again, current) = claim(&store, worker).await;
    assert_eq!(again.id, before.id);
    assert_ne!(old, current);
    let batch = ProgressBatch {
        progress: Some(Progress { percent: 77.0, ..Progress::default() }),
        checkpoint: Some(pointer(ArtifactKind::Checkpoint, "ghost")),
        ..ProgressBatch::default()
    };
    for stranger in [old, LeaseId::new()] {
        assert_eq!(store.record(stranger, &batch).await.unwrap(), Recorded::Fenced);
    }
    assert_eq!(settle(&store, LeaseId::new(), completed()).await, Settled::Fenced);
    assert_eq!(job(&store, before.id).await, again, "a stranger changed the job");
    assert_eq!(store.record(current, &batch).await.unwrap(), Recorded::Written);
    assert_eq!(job(&store, before.id).await.progress.percent, 77.0);
}

pub async fn settling_twice_is_noticed(store: AnyStore) {
    let (_, lease, worker) = running(&store).await;
    settled(&store, lease, failed()).await;
    assert_eq!(settle(&store, lease, failed()).await, Settled::Already);
    let (_, second) = claim(&store, worker).await;
    assert_eq!(settle(&store, lease, completed()).await, Settled::Already);
    let done = settled(&store, second, completed()).await;
    assert_eq!(settle(&store, second, failed()).await, Settled::Already);
    assert_eq!(settle(&store, lease, failed()).await, Settled::Already);
    assert_eq!(job(&store, done.id).await, done);
}

pub async fn a_completion_leaves_everything_behind(store: AnyStore) {
    let (begun, lease, _) = running(&store).await;
    let model = NewModel {
        model_type: "lightgbm".to_owned(),
        sha256: "cd".repeat(32),
        metrics: json!({ "ic": 0.0476, "rank_ic": -1.5e-7 }),
    };
    let mut artifacts = vec![
        pointer(ArtifactKind::Model, "a.txt"),
        pointer(ArtifactKind::Predictions, "b.parquet"),
    ];
    let completion = Completion {
        result: json!({ "rounds": 12 }),
        artifacts: artifacts.clone(),
        model: Some(model.clone()),
        ..Completion::default()
    };
    let last = ProgressBatch {
        progress: Some(Progress {
            percent: 99.0,
            stage: "evaluating".to_owned(),
            ..Progress::default()
        }),
        logs: vec![LogLine { at: now(), level: LogLevel::Info, message: "the end".to_owned() }],
        ..ProgressBatch::default()
    };
    let settled = store.settle(lease, &Outcome::Completed(completion), &last).await.unwrap();
    let Settled::Done(done) = settled else { panic!("{settled:?}") };
    assert_eq!(done.state, JobState::Completed);
    assert_eq!(done.result, Some(json!({ "rounds": 12 })));
    assert_eq!((done.progress.percent, done.progress.stage.as_str()), (100.0, "evaluating"));
    assert!(done.finished_at >= begun.started_at);
    assert_eq!(done, job(&store, done.id).await);

    let mut kept = store.artifacts(done.id).await.unwrap();
    kept.sort_by_key(|pointer| pointer.id);
    artifacts.sort_by_key(|pointer| pointer.id);
    assert_eq!(kept, artifacts);
    let models = store.models(done.owner, Default::default()).await.unwrap();
    assert_eq!(models.total, 1);
    assert_eq!((models.items[0].session, &models.items[0].new), (done.id, &model));
    let logs = LogQuery { job: done.id, contains: None, limit: 10 };
    assert_eq!(store.logs(&logs).await.unwrap()[0].message, "the end");
    let events = store.take_outbox(Some(done.id), 9, Duration::from_secs(9)).await.unwrap();
    let states: Vec<_> = events.iter().map(|entry| &entry.event.payload["state"]).collect();
    assert_eq!(states, ["pending", "running", "completed"]);
}

pub async fn retries_wait_and_use_up_the_budget(store: AnyStore) {
    let owner = user(&store, 1).await;
    let mut new = probe(&owner);
    new.retry = RetryPolicy { max_failures: 3, backoff_ms: 800, max_backoff_ms: 1_000 };
    submit(&store, new).await;
    let worker = worker(&store).await;
    for failures in 1..=3 {
        let (running, lease) = claim(&store, worker).await;
        assert_eq!(running.attempt, failures);
        assert_eq!(running.last_failure.is_some(), failures > 1, "kept while a retry runs");
        let checkpoint = pointer(ArtifactKind::Checkpoint, "round-7");
        let last =
            ProgressBatch { checkpoint: Some(checkpoint.clone()), ..ProgressBatch::default() };
        let answer = store.settle(lease, &failed(), &last).await.unwrap();
        let Settled::Done(after) = answer else { panic!("{answer:?}") };
        assert_eq!(after, job(&store, after.id).await);
        assert_eq!((after.attempt, after.failures), (failures, failures));
        assert_eq!(after.last_failure.as_ref().unwrap().code, FailureCode::ProcessExited);
        assert_eq!(after.checkpoint, Some(checkpoint), "the next attempt goes on from here");
        match after.state {
            JobState::Failed(_) => assert_eq!(failures, 3),
            JobState::Pending { not_before: Some(due) } => {
                assert!(failures < 3);
                assert!(due > running.started_at.unwrap(), "no back-off");
                assert_eq!(try_claim(&store, worker).await, None, "claimed in the back-off");
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(try_claim(&store, worker).await, None);
}

pub async fn a_permanent_failure_is_final(store: AnyStore) {
    let (_, lease, worker) = running(&store).await;
    let failure = Failure::permanent(FailureCode::InvalidData, "no close column");
    let over = settled(&store, lease, Outcome::Failed(failure.clone())).await;
    assert_eq!(over.state, JobState::Failed(failure));
    assert_eq!(over, job(&store, over.id).await);
    assert_eq!(try_claim(&store, worker).await, None);
}

pub async fn a_release_costs_nothing(store: AnyStore) {
    let (_, lease, worker) = running(&store).await;
    let checkpoint = pointer(ArtifactKind::Checkpoint, "round-7");
    let batch = ProgressBatch { checkpoint: Some(checkpoint.clone()), ..ProgressBatch::default() };
    assert_eq!(store.record(lease, &batch).await.unwrap(), Recorded::Written);
    let released = settled(&store, lease, Outcome::Released).await;
    assert_eq!(released.state, JobState::Pending { not_before: None });
    assert_eq!((released.attempt, released.failures), (1, 0));
    let again = try_claim(&store, worker).await.expect("claimable at once");
    assert_eq!((again.attempt, again.failures), (2, 0));
    assert_eq!(again.checkpoint, Some(checkpoint));
}
