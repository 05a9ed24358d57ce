//! RabbitMQ, Redis and PostgreSQL restart, forget and stay away under a working fleet.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_tests::{Client, Cluster, Following, History, Layout};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(90);

fn probe(sleep_ms: u64) -> Value {
    json!({ "spec": { "steps": [
        { "step": "emit_metrics", "name": "work", "count": 20 },
        { "step": "sleep", "sleep_ms": sleep_ms },
        { "step": "echo", "value": sleep_ms },
    ] } })
}

async fn running(client: &Client, count: usize, sleep_ms: u64) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.probe(probe(sleep_ms)).await);
    }
    for id in &ids {
        client.until(id, &["running"], PATIENCE).await;
    }
    ids
}

/// Every session completes in its first attempt, and its follower saw each state once, in order.
async fn completed_undisturbed(client: &Client, ids: &[String], histories: Vec<Following>) {
    for id in ids {
        let session = client.until(id, &["completed", "failed", "cancelled"], PATIENCE).await;
        assert_eq!(session["state"], "completed", "{session}");
        assert_eq!(session["attempt"].as_u64(), Some(1), "a running job was restarted: {session}");
    }
    for history in histories {
        let history = history.end().await;
        history.assert_in_order();
        if history.gaps == 0 {
            assert_eq!(history.states(), ["pending", "running", "completed"]);
        }
    }
}

/// Follows sessions that run, and answers once each follower knows that.
async fn follow(client: &Client, ids: &[String]) -> Vec<Following> {
    let mut all: Vec<Following> =
        ids.iter().map(|id| History::follow(vec![client.clone()], id)).collect();
    for following in &mut all {
        following.states(2).await;
    }
    all
}

/// The children of every worker, which a restart of a service is not to change.
fn children(cluster: &Cluster) -> Vec<Vec<u32>> {
    cluster.workers.iter().map(|worker| worker.children()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_rabbitmq_leaves_running_jobs_alone() {
    let Some((mut cluster, admin)) = Cluster::start(Layout::breakable()).await else { return };
    let client = admin.new_admin("ada", 20).await;
    let ids = running(&client, 4, 12_000).await;
    let (histories, before) = (follow(&client, &ids).await, children(&cluster));
    cluster.services.own_mut().rabbitmq.kill();
    let during = client.probe(probe(10)).await;
    cluster.services.own_mut().rabbitmq.start_again();
    let after = client.probe(probe(10)).await;
    assert_eq!(children(&cluster), before, "a child was restarted");
    completed_undisturbed(&client, &ids, histories).await;
    completed_undisturbed(&client, &[during, after], Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rabbitmq_that_forgot_everything_loses_no_job() {
    let layout = Layout::breakable().with("WORKER__DEFAULT_SLOTS", "1");
    let Some((mut cluster, admin)) = Cluster::start(layout).await else { return };
    let client = admin.new_admin("ada", 20).await;
    let mut ids = running(&client, 2, 10_000).await;
    let histories = follow(&client, &ids).await;
    for _ in 0..4 {
        // Their tickets wait in the broker.
        ids.push(client.probe(probe(10)).await);
    }
    cluster.services.own_mut().rabbitmq.kill();
    cluster.services.own_mut().rabbitmq.wipe_and_start_again();
    ids.push(client.probe(probe(10)).await);
    completed_undisturbed(&client, &ids, histories).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_restarts_or_forgets_loses_no_state() {
    let Some((mut cluster, admin)) = Cluster::start(Layout::breakable()).await else { return };
    let client = admin.new_admin("ada", 20).await;
    let ids = running(&client, 3, 6_000).await;
    let (histories, before) = (follow(&client, &ids).await, children(&cluster));
    cluster.services.own_mut().redis.kill();
    let during = client.probe(probe(10)).await;
    cluster.services.own_mut().redis.start_again();
    completed_undisturbed(&client, &ids, histories).await;
    completed_undisturbed(&client, &[during], Vec::new()).await;
    assert_eq!(children(&cluster), before, "a child was restarted");

    let ids = running(&client, 3, 5_000).await;
    let histories = follow(&client, &ids).await;
    cluster.services.own_mut().redis.kill();
    cluster.services.own_mut().redis.wipe_and_start_again();
    // What the wipe took is announced as a gap with a snapshot; the end is told all the same.
    completed_undisturbed(&client, &ids, histories).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_postgresql_leaves_running_jobs_alone() {
    let Some((mut cluster, admin)) = Cluster::start(Layout::breakable()).await else { return };
    let client = admin.new_admin("ada", 20).await;
    let ids = running(&client, 4, 8_000).await;
    let (histories, before) = (follow(&client, &ids).await, children(&cluster));
    cluster.services.own_mut().postgres.kill();
    cluster.services.own_mut().postgres.start_again();
    assert_eq!(children(&cluster), before, "a child was restarted");
    completed_undisturbed(&client, &ids, histories).await;
    let after = client.probe(probe(10)).await;
    completed_undisturbed(&client, &[after], Vec::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minute_without_postgresql_expires_nobody() {
    let layout = Layout { workers: 10, ..Layout::breakable() }.with("WORKER__DEFAULT_SLOTS", "1");
    let Some((mut cluster, admin)) = Cluster::start(layout).await else { return };
    let client = admin.new_admin("ada", 20).await;
    // Half of them end while the database is away, half of them after.
    let mut ids = running(&client, 5, 30_000).await;
    ids.extend(running(&client, 5, 75_000).await);
    let (histories, before) = (follow(&client, &ids).await, children(&cluster));
    cluster.services.own_mut().postgres.stop();
    tokio::time::sleep(Duration::from_secs(60)).await;
    cluster.services.own_mut().postgres.start_again();
    assert_eq!(children(&cluster), before, "a child was restarted");
    completed_undisturbed(&client, &ids, histories).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_longer_than_rabbitmqs_patience_is_not_restarted() {
    let layout =
        Layout { rabbitmq: vec!["consumer_timeout = 2000".to_owned()], ..Layout::breakable() };
    let Some((cluster, admin)) = Cluster::start(layout).await else { return };
    let client = admin.new_admin("ada", 20).await;
    let ids = running(&client, 2, 9_000).await;
    let (histories, before) = (follow(&client, &ids).await, children(&cluster));
    completed_undisturbed(&client, &ids, histories).await;
    assert_eq!(children(&cluster), before, "a child was restarted");
    let after = client.probe(probe(10)).await;
    completed_undisturbed(&client, &[after], Vec::new()).await;
}
