//! Processes of a fleet die, hang and drain: every acknowledged job ends exactly once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use alphafleet_tests::{Client, Cluster, History, Layout, Member, is_alive, kill_9};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// Sleeps, emits metrics and leaves a file.
fn probe(sleep_ms: u64) -> Value {
    json!({ "spec": { "steps": [
        { "step": "emit_metrics", "name": "work", "count": 20 },
        { "step": "sleep", "sleep_ms": sleep_ms },
        { "step": "write_artifact", "name": "work.bin", "bytes": 1000 },
        { "step": "echo", "value": sleep_ms },
    ] } })
}

async fn probes(client: &Client, count: usize, sleep_ms: u64) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.probe(probe(sleep_ms)).await);
    }
    ids
}

/// One slot a worker, so that it is known who runs what.
fn single() -> Layout {
    Layout::default().with("WORKER__DEFAULT_SLOTS", "1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_child_fails_its_job_alone_and_at_once() {
    let Some((cluster, admin)) = Cluster::start(Layout::default()).await else { return };
    let client = admin.new_admin("ada", 9).await;
    let ids = probes(&client, 3, 4_000).await;
    for id in &ids {
        client.until(id, &["running"], PATIENCE).await;
    }
    let victim = &ids[0];
    let worker = &cluster.workers[cluster.runs(&client, victim).await];
    let child = worker.child_of(victim).await;
    let history = History::follow(vec![client.clone()], victim);
    kill_9(child);
    let died = Instant::now();
    let told = client.until(victim, &["pending", "running"], PATIENCE).await;
    let retried = client.until_attempt(victim, 2, PATIENCE).await;
    assert!(died.elapsed() < Duration::from_secs(5), "{told} {retried}");
    let session = client.until_ended(victim).await;
    assert_eq!((&session["state"], session["attempt"].as_u64()), (&json!("completed"), Some(2)));
    for id in &ids[1..] {
        let session = client.until_ended(id).await;
        assert_eq!(
            (&session["state"], session["attempt"].as_u64()),
            (&json!("completed"), Some(1))
        );
    }
    let history = history.end().await;
    history.assert_in_order();
    assert_eq!(history.completions(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_workers_jobs_go_to_another() {
    let Some((mut cluster, admin)) = Cluster::start(single()).await else { return };
    let client = admin.new_admin("ada", 9).await;
    let ids = probes(&client, 2, 4_000).await;
    for id in &ids {
        client.until(id, &["running"], PATIENCE).await;
    }
    let history = History::follow(vec![client.clone()], &ids[0]);
    let victim = cluster.runs(&client, &ids[0]).await;
    let children = cluster.workers[victim].children();
    cluster.workers[victim].kill_9().await;
    let died = Instant::now();
    assert!(children.iter().all(|&child| !is_alive(child)), "a child outlived its worker");
    client.until_attempt(&ids[0], 2, PATIENCE).await;
    println!("the job went on {:?} after its worker died", died.elapsed());
    for (id, attempt) in ids.iter().zip([2, 1]) {
        let session = client.until_ended(id).await;
        assert_eq!(session["state"], "completed", "{session}");
        assert_eq!(session["attempt"].as_u64(), Some(attempt), "{session}");
    }
    let history = history.end().await;
    history.assert_in_order();
    assert_eq!(history.completions(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_gateway_costs_its_clients_a_reconnection() {
    let layout = Layout { gateways: 2, ..Layout::default() };
    let Some((mut cluster, admin)) = Cluster::start(layout).await else { return };
    let client = admin.new_admin("ada", 9).await;
    let other = cluster.at(1, &client);
    let ids = probes(&client, 2, 3_000).await;
    let follow = |id: &String| History::follow(vec![client.clone(), other.clone()], id);
    let histories: Vec<_> = ids.iter().map(follow).collect();
    client.until(&ids[0], &["running"], PATIENCE).await;
    cluster.gateways[0].kill_9().await;
    let more = other.probe(probe(10)).await;
    for id in ids.iter().chain([&more]) {
        let session = other.until_ended(id).await;
        assert_eq!(
            (&session["state"], session["attempt"].as_u64()),
            (&json!("completed"), Some(1))
        );
    }
    for history in histories {
        let history = history.end().await;
        history.assert_in_order();
        assert_eq!(history.states(), ["pending", "running", "completed"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_past_its_window_is_refused() {
    let Some((mut cluster, admin)) = Cluster::start(single()).await else { return };
    let client = admin.new_admin("ada", 9).await;
    let id = client.probe(probe(3_000)).await;
    client.until(&id, &["running"], PATIENCE).await;
    let zombie = cluster.runs(&client, &id).await;
    let history = History::follow(vec![client.clone()], &id);
    // Its child sleeps with it: both would go on from where they were.
    let processes = [vec![cluster.workers[zombie].pid()], cluster.workers[zombie].children()];
    let processes: Vec<u32> = processes.concat();
    processes.iter().for_each(|&pid| Member::signal_to(pid, Signal::SIGSTOP));
    client.until_attempt(&id, 2, PATIENCE).await;
    let heir = cluster.runs(&client, &id).await;
    assert_ne!(heir, zombie);
    processes.iter().for_each(|&pid| Member::signal_to(pid, Signal::SIGCONT));
    let session = client.until_ended(&id).await;
    assert_eq!((&session["state"], session["attempt"].as_u64()), (&json!("completed"), Some(2)));
    // The zombie has had the time to end its attempt; nothing of that came through.
    let other = client.probe(probe(1)).await;
    client.until_ended(&other).await;
    let history = history.end().await;
    history.assert_in_order();
    assert_eq!(history.completions(), 1);
    let last = history.states.iter().rposition(|(_, attempt)| *attempt == 1).unwrap();
    assert!(history.states[last].0 != "completed", "{:?}", history.states);
    let files = client.get(&format!("/api/v1/strategies/sessions/{id}/artifacts")).await.ok();
    let files = files["items"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(client.status(&id).await["attempt"], 2);
    // It is itself again, and of use.
    cluster.workers[heir].kill_9().await;
    let id = client.probe(probe(1)).await;
    assert_eq!(client.until_ended(&id).await["state"], "completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_drains_every_kind_of_process() {
    let Some((mut cluster, admin)) = Cluster::start(single()).await else { return };
    let client = admin.new_admin("ada", 9).await;
    let id = client.probe(probe(30_000)).await;
    client.until(&id, &["running"], PATIENCE).await;
    let runs = cluster.runs(&client, &id).await;
    assert!(cluster.workers[runs].stop(), "an orderly end");
    // Given back for nothing: no failure is charged, and it starts anew elsewhere.
    let session = client.until_attempt(&id, 2, PATIENCE).await;
    assert_eq!(session["error"], Value::Null, "{session}");
    client.stop(&id).await.ok();
    assert_eq!(client.until_ended(&id).await["state"], "cancelled");
    assert!(cluster.monitors[0].stop(), "an orderly end");
    assert!(cluster.gateways[0].stop(), "an orderly end");
}
