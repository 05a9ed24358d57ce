use alphafleet_domain::JobId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

fn probes(count: usize) -> Value {
    let probe = |n| json!({ "spec": { "steps": [{ "step": "echo", "value": n }] } });
    json!({ "probes": (0..count).map(probe).collect::<Vec<_>>() })
}

/// An administrator who may have `sessions` at once.
async fn admin(gateway: &Harness, sessions: u32) -> String {
    let root = gateway.admin().await;
    let body = json!({
        "username": "many", "password": crate::harness::PASSWORD, "role": "admin",
        "max_concurrent_sessions": sessions,
    });
    gateway.post(&root, "/api/v1/users", body).await.expect(201);
    gateway.login("many").await
}

async fn total(gateway: &Harness, token: &str) -> Value {
    gateway.get(token, "/api/v1/strategies/sessions?limit=1").await.expect(200)["total"].clone()
}

#[tokio::test]
async fn a_thousand_probes_start_together() {
    let gateway = Harness::start().await;
    let token = admin(&gateway, 1_000).await;
    let answer = gateway.post(&token, "/api/v1/probes/batch", probes(1_000)).await.expect(202);
    let sessions = answer["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 1_000);
    for (n, session) in sessions.iter().enumerate() {
        assert_eq!(session["state"], "pending");
        assert_eq!(session["config"]["steps"][0]["value"], n);
    }
    assert_eq!(total(&gateway, &token).await, 1_000);
    let last: JobId = sessions[999]["id"].as_str().unwrap().parse().unwrap();
    crate::live::announced(&gateway, last).await;
    let waiting = || gateway.broker.waiting(&alphafleet_domain::Queue::default_queue());
    let deadline = tokio::time::Instant::now() + crate::harness::DEADLINE;
    while waiting() < 1_000 {
        assert!(tokio::time::Instant::now() < deadline, "{} tickets were published", waiting());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_start_or_none() {
    let gateway = Harness::start().await;
    let token = admin(&gateway, 5).await;
    let path = "/api/v1/probes/batch";
    gateway.post(&token, path, probes(6)).await.problem(429, "session_limit_reached");
    let mut bad = probes(3);
    bad["probes"][2]["spec"]["steps"][0]["step"] = json!("dance");
    let faults = gateway.post(&token, path, bad).await.problem(400, "validation_failed");
    assert_eq!(faults, ["probes[2].spec.steps[0].step: unknown_value"]);
    let mut bad = probes(3);
    bad["probes"][1]["hard_limit_ms"] = json!(0);
    let faults = gateway.post(&token, path, bad).await.problem(400, "validation_failed");
    assert_eq!(faults, ["probes[1].hard_limit_ms: out_of_range"]);
    for count in [0, 1_001] {
        let faults = gateway.post(&token, path, probes(count)).await;
        assert_eq!(faults.problem(400, "validation_failed"), ["probes: out_of_range"]);
    }
    assert_eq!(total(&gateway, &token).await, 0);
    gateway.post(&token, path, probes(5)).await.expect(202);
    assert_eq!(total(&gateway, &token).await, 5);
}

#[tokio::test]
async fn a_repeated_batch_is_the_same_batch() {
    let gateway = Harness::start().await;
    let token = admin(&gateway, 5).await;
    let submit = |count| {
        let request = gateway.request(Method::POST, "/api/v1/probes/batch", &token);
        gateway.send(request.header("idempotency-key", "k").json(&probes(count)))
    };
    let first = submit(5).await.expect(202);
    let again = submit(5).await.expect(202);
    assert_eq!(first["sessions"], again["sessions"]);
    submit(4).await.problem(422, "idempotency_conflict");
    assert_eq!(total(&gateway, &token).await, 5);
}

#[tokio::test]
async fn a_batch_may_be_larger_than_other_bodies() {
    let gateway = Harness::with(|settings| {
        settings.body_limit_bytes = 1_000;
        settings.batch_limit_bytes = 20_000;
    })
    .await;
    let token = admin(&gateway, 1_000).await;
    let path = "/api/v1/probes/batch";
    gateway.post(&token, path, probes(100)).await.expect(202);
    gateway.post(&token, path, probes(600)).await.problem(413, "body_too_large");
}
