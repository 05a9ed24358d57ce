use alphafleet_domain::job::{
    Completion, Failure, FailureCode, JobKind, LogLevel, LogLine, MetricPoint, Outcome, Progress,
    ProgressBatch, ResourceSample, StageRecord,
};
use alphafleet_domain::ports::{Claim, JobStore, WorkerRecord};
use alphafleet_domain::{Job, WorkerId};
use chrono::Utc;
use serde_json::json;

use crate::harness::Harness;

/// A worker's first steps: it registers and claims the next job of the kind.
pub async fn claim(gateway: &Harness, kind: JobKind) -> Job {
    let worker = WorkerRecord {
        id: WorkerId::new(),
        host: "here".to_owned(),
        pid: 7,
        version: "1".to_owned(),
        queues: vec![kind.queue()],
        slots: 2,
    };
    gateway.store.register_worker(&worker).await.unwrap();
    let claim = Claim { worker: worker.id, queues: worker.queues };
    gateway.store.claim(&claim).await.unwrap().unwrap()
}

fn batch() -> ProgressBatch {
    let at = Utc::now();
    let point = |step| MetricPoint { name: "train.l2".to_owned(), step, value: 0.5, at };
    let mut metrics: Vec<_> = (1..=20).map(point).collect();
    metrics.push(MetricPoint { name: "valid.ic".to_owned(), step: 20, value: 0.04, at });
    let line = |message: &str| LogLine { at, level: LogLevel::Info, message: message.to_owned() };
    let sample = |n| ResourceSample {
        attempt: 1,
        at: at + chrono::TimeDelta::seconds(n),
        cpu_percent: 50.0,
        memory_bytes: n as u64 * 1_000,
        read_bytes: 7,
        written_bytes: 8,
    };
    ProgressBatch {
        progress: Some(Progress {
            percent: 42.0,
            stage: "training".to_owned(),
            message: "fitting".to_owned(),
            epoch: Some(20),
            epochs: Some(50),
            eta_ms: Some(1_000),
        }),
        stages: vec![StageRecord { attempt: 1, stage: "training".to_owned(), percent: 30.0, at }],
        metrics,
        logs: vec![line("one"), line("two 100%"), line("three")],
        resources: (1..=3).map(sample).collect(),
        checkpoint: None,
    }
}

#[tokio::test]
async fn a_session_is_followed_by_asking() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let path = format!("/api/v1/strategies/sessions/{id}");
    let job = claim(&gateway, JobKind::Probe).await;
    gateway.store.record(job.lease().unwrap(), &batch()).await.unwrap();
    let status = gateway.get(&admin, &format!("{path}/status")).await.expect(200);
    assert_eq!((&status["state"], &status["progress"]), (&json!("running"), &json!(42.0)));
    assert_eq!((&status["stage"], &status["current_epoch"]), (&json!("training"), &json!(20)));
    assert_eq!(status["worker_id"], job.worker().unwrap().to_string());
    assert_eq!(status["metrics"].as_array().unwrap().len(), 10);
    assert_eq!(status["stages"][0]["stage"], "training");
    let metrics =
        gateway.get(&admin, &format!("{path}/metrics?metric_name=train.l2&limit=5")).await;
    let metrics = metrics.expect(200)["items"].clone();
    let steps: Vec<u64> =
        metrics.as_array().unwrap().iter().map(|point| point["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [16, 17, 18, 19, 20]);
    let logs = gateway.get(&admin, &format!("{path}/logs?limit=2")).await.expect(200);
    assert_eq!(logs["items"][1]["message"], "three");
    let logs = gateway.get(&admin, &format!("{path}/logs?contains=0%25")).await.expect(200);
    assert_eq!(logs["items"].as_array().unwrap().len(), 1);
    let used = gateway.get(&admin, &format!("{path}/resources?limit=2")).await.expect(200);
    let memory: Vec<u64> = used["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| sample["memory_bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(memory, [2_000, 3_000]);
    gateway.get(&admin, &format!("{path}/report")).await.problem(409, "session_not_completed");
    gateway.get(&admin, &format!("{path}/metrics?limit=0")).await.problem(400, "validation_failed");
    let workers = gateway.get(&admin, "/api/v1/workers").await.expect(200);
    assert_eq!(
        (&workers["items"][0]["running"], &workers["items"][0]["pid"]),
        (&json!(1), &json!(7))
    );
    let stopped = gateway.post(&admin, &format!("{path}/stop"), json!({})).await.expect(202);
    assert_eq!(
        (&stopped["state"], &stopped["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    let none = ProgressBatch::default();
    gateway.store.settle(job.lease().unwrap(), &Outcome::Cancelled, &none).await.unwrap();
    assert_eq!(gateway.get(&admin, &path).await.expect(200)["state"], "cancelled");
}

#[tokio::test]
async fn a_failure_says_why() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let job = claim(&gateway, JobKind::Probe).await;
    let failure = Failure::permanent(FailureCode::InvalidData, "no rows are left");
    let none = ProgressBatch::default();
    let outcome = Outcome::Failed(failure);
    gateway.store.settle(job.lease().unwrap(), &outcome, &none).await.unwrap();
    let session =
        gateway.get(&admin, &format!("/api/v1/strategies/sessions/{id}")).await.expect(200);
    assert_eq!(session["state"], "failed");
    let expected =
        json!({ "code": "invalid_data", "message": "no rows are left", "retryable": false });
    assert_eq!(session["error"], expected);
    let report = format!("/api/v1/strategies/sessions/{id}/report");
    gateway.get(&admin, &report).await.problem(404, "not_found");
}

#[tokio::test]
async fn probes_are_validated() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let steps = json!([{ "step": "sleep", "sleep_ms": 5 }]);
    for (body, fault) in [
        (json!({ "spec": { "steps": [] } }), "spec.steps: out_of_range"),
        (
            json!({ "spec": { "steps": [{ "step": "dance" }] } }),
            "spec.steps[0].step: unknown_value",
        ),
        (json!({ "spec": { "steps": steps }, "hard_limit_ms": 0 }), "hard_limit_ms: out_of_range"),
        (
            json!({ "spec": { "steps": steps }, "soft_limit_ms": 9, "hard_limit_ms": 5 }),
            "soft_limit_ms: out_of_range",
        ),
        (json!({}), "spec: required"),
    ] {
        let answer = gateway.post(&admin, "/api/v1/probes", body.clone()).await;
        assert_eq!(answer.problem(400, "validation_failed"), [fault], "{body}");
    }
    let body = json!({ "spec": { "steps": steps }, "hard_limit_ms": 500, "priority": 3 });
    let session = gateway.post(&admin, "/api/v1/probes", body).await.expect(202);
    let job =
        gateway.store.job(session["id"].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((job.limits.soft_ms, job.limits.hard_ms, job.priority.0), (500, 500, 3));
}

/// Ends a claimed job well, with these files and result.
pub async fn complete(gateway: &Harness, job: &Job, completion: Completion) {
    let none = ProgressBatch::default();
    let outcome = Outcome::Completed(completion);
    gateway.store.settle(job.lease().unwrap(), &outcome, &none).await.unwrap();
}
