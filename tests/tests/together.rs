//! Several gateways and workers are one fleet.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use alphafleet_market::SyntheticMarket;
use alphafleet_tests::{Client, Cluster, Fleet, Layout, Socket, eventually};
use serde_json::{Value, json};

fn market(folder: &Path) -> PathBuf {
    let market = SyntheticMarket { instruments: 20, bars: 300, ..SyntheticMarket::default() };
    let file = folder.join("market.parquet");
    alphafleet_datasets::write_panel(&file, &market.generate().unwrap()).unwrap();
    file
}

async fn strategy(client: &Client, folder: &Path, rounds: u32) -> String {
    client.import("market", &market(folder)).await.ok();
    let model = json!({ "type": "lightgbm", "rounds": rounds, "num_leaves": 7 });
    client.strategy("trees", json!({ "model": model, "threads": 1 })).await
}

async fn trained(client: &Client, folder: &Path) -> String {
    let strategy = strategy(client, folder, 30).await;
    let session = client.train(&strategy, json!({ "dataset_name": "market" })).await.ok();
    let ended = client.until_ended(session["id"].as_str().unwrap()).await;
    assert_eq!((&ended["state"], ended["attempt"].as_u64()), (&json!("completed"), Some(1)));
    ended["result"]["model"]["sha256"].as_str().expect("a model").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_trains_the_same_model_as_the_embedded_one() {
    let Some((cluster, on_fleet)) = Cluster::start(Layout::default()).await else { return };
    let (embedded, alone) = Fleet::start(&[]).await;
    let fleets = trained(&on_fleet, cluster.data_dir()).await;
    assert_eq!(fleets, trained(&alone, embedded.data_dir()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_gateway_serves_what_another_began() {
    let layout = Layout { gateways: 2, ..Layout::default() };
    let Some((cluster, here)) = Cluster::start(layout).await else { return };
    let there = cluster.at(1, &here);
    // A ticket of the one opens a socket at the other, once.
    let ticket = here.post("/api/v1/ws/ticket", json!({})).await.ok();
    let query = format!("ticket={}", ticket["ticket"].as_str().unwrap());
    let mut socket = Socket::open_with(&there, &query).await;
    assert_eq!(socket.next().await["type"], "connection_established");
    let mut again = Socket::open_with(&here, &query).await;
    assert_eq!(again.next().await["close"], 4001);
    // A job of the one is followed at the other.
    let steps = json!([{ "step": "sleep", "sleep_ms": 300 }, { "step": "echo", "value": 1 }]);
    let id = here.probe(json!({ "spec": { "steps": steps } })).await;
    socket.subscribe(&id, None).await;
    eventually("the end at the other gateway", Duration::from_secs(20), async || {
        (socket.next().await["type"] == "training_completed").then_some(())
    })
    .await;
    // A repeated request is recognised wherever it arrives.
    let body = json!({ "spec": { "steps": [{ "step": "echo", "value": 2 }] } });
    let first = here.post_keyed("/api/v1/probes", body.clone(), "once").await.ok();
    let second = there.post_keyed("/api/v1/probes", body, "once").await.ok();
    assert_eq!(first["id"], second["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_trainings_are_shared_fairly_by_priority() {
    let layout = Layout { gateways: 2, workers: 4, ..Layout::default() }
        .with("WORKER__TRAINING_SLOTS", "1")
        .with("WORKER__DEFAULT_SLOTS", "1");
    let Some((mut cluster, admin)) = Cluster::start(layout).await else { return };
    let ada = admin.new_user("ada", 20).await;
    let bob = cluster.at(1, &admin.new_user("bob", 20).await);
    let (of_ada, of_bob) = (
        strategy(&ada, cluster.data_dir(), 60).await,
        strategy(&bob, cluster.data_dir(), 60).await,
    );
    // Nobody works until all ten wait: ada's come first, and one of bob's is urgent.
    let settings: Vec<bool> = cluster.workers.iter_mut().map(|worker| worker.stop()).collect();
    assert_eq!(settings, [true; 4]);
    let train = async |client: &Client, strategy: &str, priority: i32| {
        let body =
            json!({ "strategy_id": strategy, "dataset_name": "market", "priority": priority });
        let task = client.post("/api/train", body).await.ok();
        task["task_id"].as_str().unwrap().strip_prefix("task-").unwrap().to_owned()
    };
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push((train(&ada, &of_ada, 0).await, "ada"));
    }
    for at in 0..5 {
        ids.push((train(&bob, &of_bob, if at == 4 { 5 } else { 0 }).await, "bob"));
    }
    let urgent = ids[9].0.clone();
    cluster.workers = (0..4).map(|_| cluster.worker(&[])).collect();
    let mut started: Vec<(String, String, &str)> = Vec::new();
    for (id, owner) in &ids {
        let client = if *owner == "ada" { &ada } else { &bob };
        let session = client.until_ended(id).await;
        assert_eq!(session["state"], "completed", "{session}");
        assert_eq!(session["attempt"].as_u64(), Some(1), "{session}");
        started.push((session["started_at"].as_str().unwrap().to_owned(), id.clone(), owner));
    }
    started.sort();
    assert_eq!(started[0].1, urgent, "priority comes first: {started:?}");
    let first_four: Vec<&str> = started[..4].iter().map(|(_, _, owner)| *owner).collect();
    let adas = first_four.iter().filter(|owner| **owner == "ada").count();
    assert_eq!(adas, 2, "four slots are shared by two users: {started:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_tells_its_health_to_all_and_its_figures_to_whoever_may() {
    let Some((cluster, _admin)) = Cluster::start(Layout::default()).await else { return };
    let token = std::fs::read_to_string(cluster.data_dir().join("metrics-token")).unwrap();
    let http = reqwest::Client::new();
    for member in cluster.members() {
        for path in ["healthz", "readyz"] {
            let answer = http.get(format!("{}/{path}", member.url)).send().await.unwrap();
            assert!(answer.status().is_success(), "{} {path}", member.url);
            answer.json::<Value>().await.unwrap();
        }
        let metrics = format!("{}/metrics", member.url);
        assert_eq!(http.get(&metrics).send().await.unwrap().status(), 401);
        let wrong = http.get(&metrics).bearer_auth("wrong").send().await.unwrap();
        assert_eq!(wrong.status(), 401);
        let right = http.get(&metrics).bearer_auth(token.trim()).send().await.unwrap();
        assert!(right.text().await.unwrap().contains("alphafleet_"), "{}", member.url);
    }
}
