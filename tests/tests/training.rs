//! Trainings over the real binary: followed, interrupted, killed, reproduced.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use alphafleet_market::SyntheticMarket;
use alphafleet_tests::{Client, Fleet, Socket, children_of, eventually, is_alive, kill_9};
use serde_json::{Value, json};

fn market(folder: &Path) -> PathBuf {
    let market = SyntheticMarket { instruments: 20, bars: 300, ..SyntheticMarket::default() };
    let file = folder.join("market.parquet");
    alphafleet_datasets::write_panel(&file, &market.generate().unwrap()).unwrap();
    file
}

/// A strategy on an imported market that trains for `rounds` without stopping early.
async fn ready(fleet: &Fleet, client: &Client, rounds: u32) -> String {
    client.import("market", &market(fleet.data_dir())).await.ok();
    let model = json!({
        "type": "lightgbm", "rounds": rounds, "early_stopping_rounds": 0,
        "num_leaves": 7, "learning_rate": 0.02,
    });
    let config = json!({ "model": model, "threads": 1, "checkpoint_every_rounds": 10 });
    client.strategy("trees", config).await
}

async fn train(client: &Client, strategy: &str) -> String {
    let session = client.train(strategy, json!({ "dataset_name": "market" })).await.ok();
    session["id"].as_str().unwrap().to_owned()
}

/// Waits until so many rounds are done.
async fn rounds_done(client: &Client, session: &str, rounds: u64) {
    eventually("enough rounds", Duration::from_secs(60), async || {
        let status = client.status(session).await;
        assert_ne!(status["state"], "failed", "{status}");
        (status["current_epoch"].as_u64()? >= rounds).then_some(())
    })
    .await;
}

async fn all_metrics(client: &Client, session: &str) -> Vec<Value> {
    let path = format!("/api/v1/strategies/sessions/{session}/metrics?limit=100000");
    client.get(&path).await.ok()["items"].as_array().unwrap().clone()
}

fn steps(metrics: &[Value], name: &str) -> Vec<u64> {
    let own = metrics.iter().filter(|point| point["name"] == name);
    own.map(|point| point["step"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_training_is_followed_to_its_report() {
    let (mut fleet, client) = Fleet::start(&[]).await;
    let strategy = ready(&fleet, &client, 40).await;
    let session = train(&client, &strategy).await;

    // Every few frames the connection is dropped and opened again with the last cursor.
    let mut frames: Vec<Value> = Vec::new();
    let mut cursor: Option<Value> = None;
    'session: loop {
        let mut socket = Socket::open(&client).await;
        socket.subscribe(&session, cursor.as_ref()).await;
        for _ in 0..7 {
            let frame = socket.next().await;
            assert_ne!(frame["type"], "gap", "{frame}");
            if frame["cursor"].is_object() {
                cursor = Some(frame["cursor"].clone());
                frames.push(frame.clone());
            }
            if frame["type"] == "training_completed" {
                break 'session;
            }
            assert_ne!(frame["type"], "training_failed", "{frame}");
        }
    }

    let seqs: Vec<u64> = frames.iter().map(|f| f["cursor"]["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>(), "a hole or a double");
    let states: Vec<&str> = frames.iter().filter_map(|f| f["state"]["state"].as_str()).collect();
    assert_eq!(states, ["pending", "running", "completed"]);
    let mut stages: Vec<&str> =
        frames.iter().filter_map(|f| f["progress"]["stage"].as_str()).collect();
    stages.dedup();
    assert_eq!(stages, ["preparing", "configuring", "training", "evaluating", "completed"]);
    let told = frames.iter().filter_map(|frame| frame["points"].as_array()).flatten();
    let mut told: Vec<String> = told.map(Value::to_string).collect();
    let written = all_metrics(&client, &session).await;
    assert_eq!(steps(&written, "train_l2"), (1..=40).collect::<Vec<_>>());
    let mut written: Vec<String> = written.iter().map(Value::to_string).collect();
    told.sort();
    written.sort();
    assert_eq!(told, written, "what was told and what was written differ");

    let status = client.status(&session).await;
    let recorded: Vec<&str> =
        status["stages"].as_array().unwrap().iter().map(|s| s["stage"].as_str().unwrap()).collect();
    assert_eq!(recorded, stages);
    let done = client.session(&session).await;
    assert_eq!(done["result"]["model"]["rounds"], 40);
    let base = format!("/api/v1/strategies/sessions/{session}");
    let report: Value =
        serde_json::from_slice(&client.bytes(&format!("{base}/report")).await).unwrap();
    assert_eq!(report["model"]["sha256"], done["result"]["model"]["sha256"]);
    let page = client.bytes(&format!("{base}/report?format=html")).await;
    assert!(String::from_utf8(page).unwrap().contains("<svg"));
    assert!(client.bytes(&format!("{base}/predictions")).await.starts_with(b"PAR1"));

    assert!(fleet.stop(), "the fleet did not end in order");
}

#[tokio::test]
async fn a_killed_child_goes_on_from_its_checkpoint() {
    let (fleet, client) = Fleet::start(&[]).await;
    let strategy = ready(&fleet, &client, 600).await;
    let undisturbed = train(&client, &strategy).await;
    let undisturbed = client.until_ended(&undisturbed).await;
    assert_eq!(undisturbed["state"], "completed", "{undisturbed}");

    let session = train(&client, &strategy).await;
    rounds_done(&client, &session, 100).await;
    let busy = children_of(fleet.pid());
    busy.into_iter().for_each(kill_9);
    let done = client.until_ended(&session).await;
    assert_eq!((done["state"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(2)));
    assert_eq!(done["result"]["model"]["sha256"], undisturbed["result"]["model"]["sha256"]);
    let rounds = steps(&all_metrics(&client, &session).await, "train_l2");
    assert_eq!(rounds, (1..=600).collect::<Vec<_>>());
    let logs = client.get(&format!("/api/v1/strategies/sessions/{session}/logs")).await.ok();
    assert!(logs.to_string().contains("checkpoint"), "{logs}");
}

#[tokio::test]
async fn a_killed_fleet_completes_the_job_once() {
    let (mut fleet, client) = Fleet::start(&[]).await;
    let strategy = ready(&fleet, &client, 800).await;
    let session = train(&client, &strategy).await;
    rounds_done(&client, &session, 100).await;
    let client = fleet.crash_and_restart().await;
    let done = client.until_ended(&session).await;
    assert_eq!((done["state"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(2)));
    let rounds = steps(&all_metrics(&client, &session).await, "train_l2");
    assert_eq!(rounds, (1..=800).collect::<Vec<_>>());
    let models = client.get("/api/v1/models").await.ok();
    assert_eq!(models["total"], 1, "the outcome was written more than once");
}

#[tokio::test]
async fn a_running_training_is_cancelled_and_its_process_gone() {
    let (fleet, client) = Fleet::start(&[]).await;
    let strategy = ready(&fleet, &client, 100_000).await;
    let session = train(&client, &strategy).await;
    rounds_done(&client, &session, 20).await;
    let busy = children_of(fleet.pid());
    assert!(!busy.is_empty());
    client.stop(&session).await.ok();
    let ended = client.until_ended(&session).await;
    assert_eq!(ended["state"], "cancelled");
    // A child that stopped as it was told is used again; it does not compute any more.
    let listed = format!("/api/v1/strategies/sessions/{session}/metrics?limit=1");
    let last = client.get(&listed).await.ok();
    eventually("an idle or ended child", Duration::from_secs(20), async || {
        let idle = busy.iter().all(|&pid| !is_alive(pid) || is_idle(pid));
        idle.then_some(())
    })
    .await;
    assert_eq!(client.get(&listed).await.ok(), last);
    assert!(client.get("/api/v1/models").await.ok()["total"] == 0);
}

/// Whether a process used no processor time while it was looked at.
fn is_idle(pid: u32) -> bool {
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<String> =
            stat.rsplit(") ").next().unwrap().split(' ').map(str::to_owned).collect();
        fields.get(11..13).map(<[String]>::to_vec)
    };
    let before = used();
    let watched = std::time::Instant::now();
    while watched.elapsed() < Duration::from_millis(200) {
        std::thread::yield_now();
    }
    before == used()
}

#[tokio::test]
async fn a_shutdown_gives_the_job_back_for_nothing() {
    let (mut fleet, client) = Fleet::start(&[]).await;
    let strategy = ready(&fleet, &client, 700).await;
    let session = train(&client, &strategy).await;
    rounds_done(&client, &session, 50).await;
    let children = children_of(fleet.pid());
    assert!(fleet.stop(), "the fleet did not end in order");
    assert!(!children.into_iter().any(is_alive), "a child outlived its fleet");
    let client = fleet.restart().await;
    let done = client.until_ended(&session).await;
    assert_eq!((done["state"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(2)));
}
