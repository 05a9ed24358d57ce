use std::time::Duration;

use alphafleet_domain::job::{
    Completion, Failure, FailureCode, Outcome, ProgressBatch, RetryPolicy,
};
use alphafleet_domain::ports::{
    Claim, NewJob, NewUser, PasswordHash, Settled, Submission, Submitted, WorkerRecord,
};
use alphafleet_domain::{
    ArtifactId, ArtifactKind, ArtifactPointer, AuditRecord, Job, JobId, JobKind, LeaseId, Queue,
    Role, User, UserId, UserLimits, WorkerId,
};
use chrono::{SubsecRound, Utc};
use serde_json::json;

use super::AnyStore;

const DEADLINE: Duration = Duration::from_secs(30);

/// Polls until there is an answer.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Now, as finely as stores keep it.
pub fn now() -> alphafleet_domain::Instant {
    Utc::now().trunc_subsecs(6)
}

pub fn audit(action: &str) -> AuditRecord {
    AuditRecord {
        at: now(),
        user: None,
        action: action.to_owned(),
        target: "test".to_owned(),
        source: Some("127.0.0.1".to_owned()),
        details: json!({}),
    }
}

pub fn new_user(name: &str, sessions: u32) -> NewUser {
    NewUser {
        id: UserId::new(),
        username: name.parse().unwrap(),
        password: PasswordHash::new("$argon2id$…".to_owned()),
        role: Role::Researcher,
        limits: UserLimits { max_concurrent_sessions: sessions, max_websocket_connections: 5 },
    }
}

/// A user who may have `sessions` at once.
pub async fn user(store: &AnyStore, sessions: u32) -> User {
    let id = UserId::new();
    let user = new_user(&format!("user-{id}"), sessions);
    store.create_user(user, audit("user.create")).await.unwrap()
}

/// A probe that is retried soon.
pub fn probe(owner: &User) -> NewJob {
    let mut job = NewJob::new(owner.id, JobKind::Probe, json!({ "echo": "hello" }));
    job.retry = RetryPolicy { max_failures: 3, backoff_ms: 0, max_backoff_ms: 0 };
    job
}

pub async fn submit(store: &AnyStore, job: NewJob) -> Job {
    let submission = Submission::new(job, audit("session.create"));
    match store.submit(submission).await.unwrap() {
        Submitted::New(job) => job,
        Submitted::Replayed(_) => panic!("nothing to replay"),
    }
}

pub async fn worker(store: &AnyStore) -> WorkerId {
    let record = worker_record();
    store.register_worker(&record).await.unwrap();
    record.id
}

pub fn worker_record() -> WorkerRecord {
    WorkerRecord {
        id: WorkerId::new(),
        host: "host".to_owned(),
        pid: 4_000_000_000,
        version: "0.1.0".to_owned(),
        queues: vec![Queue::default_queue(), "training.gpu".parse().unwrap()],
        slots: 2,
    }
}

pub async fn try_claim(store: &AnyStore, worker: WorkerId) -> Option<Job> {
    store.claim(&Claim { worker, queues: vec![Queue::default_queue()] }).await.unwrap()
}

/// Claims, waiting for a back-off if need be.
pub async fn claim(store: &AnyStore, worker: WorkerId) -> (Job, LeaseId) {
    let job = eventually("a claim", async || try_claim(store, worker).await).await;
    let lease = job.lease().expect("a claimed job has a lease");
    (job, lease)
}

/// A running job of a fresh user and worker.
pub async fn running(store: &AnyStore) -> (Job, LeaseId, WorkerId) {
    let owner = user(store, 3).await;
    submit(store, probe(&owner)).await;
    let worker = worker(store).await;
    let (job, lease) = claim(store, worker).await;
    (job, lease, worker)
}

pub async fn settle(store: &AnyStore, lease: LeaseId, outcome: Outcome) -> Settled {
    store.settle(lease, &outcome, &ProgressBatch::default()).await.unwrap()
}

pub async fn settled(store: &AnyStore, lease: LeaseId, outcome: Outcome) -> Job {
    match settle(store, lease, outcome).await {
        Settled::Done(job) => job,
        other => panic!("expected an end, got {other:?}"),
    }
}

pub async fn job(store: &AnyStore, id: JobId) -> Job {
    store.job(id).await.unwrap().expect("the job is there")
}

pub fn completed() -> Outcome {
    Outcome::Completed(Completion { result: json!({ "ok": true }), ..Completion::default() })
}

pub fn failed() -> Outcome {
    Outcome::Failed(Failure::retryable(FailureCode::ProcessExited, "exit code 1"))
}

pub fn pointer(kind: ArtifactKind, name: &str) -> ArtifactPointer {
    ArtifactPointer {
        id: ArtifactId::new(),
        kind,
        name: name.to_owned(),
        key: format!("job/lease/{name}"),
        bytes: 5_000_000_000,
        sha256: "ab".repeat(32),
    }
}

/// The actions of the audit log, oldest first.
pub async fn audited(store: &AnyStore) -> Vec<String> {
    let page = store.audit(Default::default()).await.unwrap();
    page.items.into_iter().rev().map(|record| record.action).collect()
}
