#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_domain::job::{Completion, Failure, Outcome, ProgressBatch};
use alphafleet_domain::ports::{
    Claim, NewJob, NewUser, PasswordHash, Submission, UserStore, WorkerRecord,
};
use alphafleet_domain::{
    ArtifactId, ArtifactKind, ArtifactPointer, AuditRecord, Clock, JobId, Queue, Role, SystemClock,
    UserId, UserLimits, WorkerId,
};
use alphafleet_store::Store;
use serde_json::json;

use super::*;

fn audit() -> AuditRecord {
    AuditRecord {
        at: SystemClock.now(),
        user: None,
        action: "test".to_owned(),
        target: "test".to_owned(),
        source: None,
        details: Value::Null,
    }
}

async fn owner(store: &Store) -> UserId {
    let user = NewUser {
        id: UserId::new(),
        username: "owner".parse().unwrap(),
        password: PasswordHash::new("none".to_owned()),
        role: Role::Researcher,
        limits: UserLimits { max_concurrent_sessions: 9, max_websocket_connections: 9 },
    };
    store.create_user(user, audit()).await.unwrap().id
}

async fn worker(store: &Store) -> Claim {
    let queues = vec![Queue::default_queue()];
    let record = WorkerRecord {
        id: WorkerId::new(),
        host: "here".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        queues: queues.clone(),
        slots: 1,
    };
    store.register_worker(&record).await.unwrap();
    Claim { worker: record.id, queues }
}

/// The outcome of a child that leaves a file of the kind its parent reads.
fn leaves(name: &str) -> Outcome {
    let file = ArtifactPointer {
        id: ArtifactId::new(),
        kind: ArtifactKind::Share,
        name: name.to_owned(),
        key: format!("jobs/{name}"),
        bytes: 1,
        sha256: "ab".repeat(32),
    };
    Outcome::Completed(Completion { artifacts: vec![file], ..Completion::default() })
}

/// Submits a job with a child for each outcome, settles them in the reverse order, and looks up
/// the inputs of the job that waited for them.
async fn inputs(outcomes: Vec<Outcome>) -> (Vec<JobId>, Result<Value, PrepareError>) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let (owner, claim) = (owner(&store).await, worker(&store).await);
    let probe = || NewJob::new(owner, JobKind::Probe, json!({}));
    let children: Vec<NewJob> = outcomes.iter().map(|_| probe()).collect();
    let ids: Vec<JobId> = children.iter().map(|child| child.id).collect();
    let submission = Submission { children, ..Submission::new(probe(), audit()) };
    let parent = store.submit(submission).await.unwrap().into_job();
    let claimed = store.claim_many(&claim, ids.len() as u32).await.unwrap();
    assert_eq!(claimed.iter().map(|job| job.id).collect::<Vec<_>>(), ids);
    for (job, outcome) in claimed.iter().zip(outcomes).rev() {
        let none = ProgressBatch::default();
        store.settle(job.lease().unwrap(), &outcome, &none).await.unwrap();
    }
    let parent = store.claim(&claim).await.unwrap().filter(|job| job.id == parent.id).unwrap();
    let store = Arc::new(store);
    let inputs = JobInputs::new(store.clone(), store.clone(), store);
    (ids, inputs.inputs(&parent).await)
}

#[tokio::test]
async fn a_parent_gets_its_childrens_files_in_order() {
    let (ids, found) = inputs(vec![leaves("a"), leaves("b"), leaves("c")]).await;
    let found: Inputs = serde_json::from_value(found.unwrap()).unwrap();
    let parts: Vec<(JobId, &str)> =
        found.parts.iter().map(|part| (part.job, part.key.as_str())).collect();
    assert_eq!(parts, [(ids[0], "jobs/a"), (ids[1], "jobs/b"), (ids[2], "jobs/c")]);
    assert!(found.parts.iter().all(|part| part.sha256 == "ab".repeat(32)));
}

#[tokio::test]
async fn a_parent_fails_in_the_words_of_the_child_that_failed() {
    let failure = Failure::permanent(FailureCode::InvalidData, "no rows are left");
    let outcomes = vec![Outcome::Cancelled, Outcome::Failed(failure), leaves("c")];
    let (_, refused) = inputs(outcomes).await;
    let Err(PrepareError::Failed(failure)) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.message, "share 2 of 3 failed: no rows are left");
    assert_eq!((failure.code, failure.retryable), (FailureCode::ChildFailed, false));
}

#[tokio::test]
async fn a_job_without_children_needs_no_parts() {
    let (_, nothing) = inputs(Vec::new()).await;
    assert_eq!(nothing.unwrap(), Value::Null);
}
