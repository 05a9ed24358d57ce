//! The fleet's guarantees over the real binary, with probes: limits, slots, crashes, quotas.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_tests::{Client, Fleet, children_of, eventually, is_alive};
use serde_json::{Value, json};

async fn ended(client: &Client, probe: Value) -> Value {
    let id = client.probe(probe).await;
    client.until_ended(&id).await
}

fn sleep(ms: u64) -> Value {
    json!({ "step": "sleep", "sleep_ms": ms })
}

#[tokio::test]
async fn a_crash_is_told_in_words_and_retried_where_it_can_help() {
    let (_fleet, client) = Fleet::start(&[]).await;
    let crash = |how: Value| json!({ "spec": { "steps": [{ "step": "crash", "how": how }] } });
    let exited = ended(&client, crash(json!({ "exit_code": 3 }))).await;
    assert_eq!(exited["state"], "failed");
    assert!(exited["error"]["message"].as_str().unwrap().contains("exit code 3"), "{exited}");
    let killed = ended(&client, crash(json!({ "signal": 9 }))).await;
    assert_eq!((&killed["state"], killed["attempt"].as_u64()), (&json!("failed"), Some(3)));
    assert!(killed["error"]["message"].as_str().unwrap().contains("SIGKILL"), "{killed}");
    let panicked = ended(&client, crash(json!("panic"))).await;
    assert_eq!((&panicked["state"], panicked["attempt"].as_u64()), (&json!("failed"), Some(1)));
    let fine =
        ended(&client, json!({ "spec": { "steps": [{ "step": "echo", "value": 7 }] } })).await;
    assert_eq!((&fine["state"], &fine["result"]), (&json!("completed"), &json!(7)));
}

#[tokio::test]
async fn limits_stop_a_job_softly_and_hard() {
    let (fleet, client) = Fleet::start(&[]).await;
    let long = json!({ "steps": [sleep(600_000)] });
    let soft = json!({ "spec": long, "soft_limit_ms": 300, "hard_limit_ms": 60_000 });
    let soft = ended(&client, soft).await;
    assert_eq!(soft["error"]["code"], "soft_time_limit", "{soft}");
    let hard = json!({ "spec": long, "soft_limit_ms": 60_000, "hard_limit_ms": 300 });
    let refused = client.post("/api/v1/probes", hard).await;
    assert_eq!(refused.status, 400, "a hard limit below the soft one: {}", refused.body);
    let hard = json!({ "spec": long, "soft_limit_ms": 300, "hard_limit_ms": 300 });
    let hard = ended(&client, hard).await;
    let code = hard["error"]["code"].as_str().unwrap();
    assert!(["hard_time_limit", "soft_time_limit"].contains(&code), "{hard}");
    eventually("idle children alone", Duration::from_secs(10), async || {
        (children_of(fleet.pid()).len() <= 8).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_pending_job_is_cancelled_at_once() {
    let (_fleet, client) = Fleet::start(&[("WORKER__DEFAULT_SLOTS", "1")]).await;
    let running = client.probe(json!({ "spec": { "steps": [sleep(600_000)] } })).await;
    client.until(&running, &["running"], Duration::from_secs(20)).await;
    let pending = client.probe(json!({ "spec": { "steps": [sleep(1)] } })).await;
    let stopped = client.stop(&pending).await.ok();
    assert_eq!((&stopped["state"], stopped["attempt"].as_u64()), (&json!("cancelled"), Some(0)));
    client.stop(&running).await.ok();
    assert_eq!(client.until_ended(&running).await["state"], "cancelled");
    client.stop(&running).await.refused(409, "session_ended");
}

#[tokio::test]
async fn ten_together_share_the_slots_and_all_complete() {
    let (_fleet, admin) = Fleet::start(&[("WORKER__DEFAULT_SLOTS", "2")]).await;
    let body = json!({ "username": "boss", "password": "correct horse battery", "role": "admin",
        "max_concurrent_sessions": 20 });
    admin.post("/api/v1/users", body).await.ok();
    let client = Client::log_in(&admin.url, ("boss", "correct horse battery")).await;
    let probe = json!({ "spec": { "steps": [sleep(150)] } });
    let ids = futures::future::join_all((0..10).map(|_| client.probe(probe.clone()))).await;
    let mut most = 0;
    eventually("the end of all ten", Duration::from_secs(60), async || {
        let all = client.get("/api/v1/strategies/sessions?limit=100").await.ok();
        let states: Vec<_> =
            all["items"].as_array().unwrap().iter().map(|s| s["state"].clone()).collect();
        most = most.max(states.iter().filter(|state| **state == "running").count());
        states.iter().all(|state| *state == "completed").then_some(())
    })
    .await;
    assert_eq!(ids.len(), 10);
    assert!((1..=2).contains(&most), "{most} ran at once");
}

#[tokio::test]
async fn fifty_racing_submits_never_pass_the_limit() {
    let (_fleet, client) = Fleet::start(&[]).await;
    let probe = json!({ "spec": { "steps": [sleep(600_000)] } });
    let submits = (0..50).map(|_| client.post("/api/v1/probes", probe.clone()));
    let answers = futures::future::join_all(submits).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 3);
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        answer.refused(429, "session_limit_reached");
    }
}

#[tokio::test]
async fn a_second_fleet_on_the_same_folder_is_refused() {
    let (fleet, _client) = Fleet::start(&[]).await;
    let second = std::process::Command::new(alphafleet_tests::binary())
        .args(["standalone", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(fleet.data_dir())
        .output()
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("in use") || said.contains("another process"), "{said}");
    assert!(is_alive(fleet.pid()));
}
