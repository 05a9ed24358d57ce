use std::time::{Duration, Instant};

use alphafleet_tests::{Client, Cluster, Layout, kill_9};
use serde_json::json;

use crate::measurement::Measurement;

const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// From a death to the job at work again in another process; and what a broker's restart disturbs.
pub async fn run() -> Vec<Measurement> {
    let layout = Layout::breakable().with("WORKER__DEFAULT_SLOTS", "1");
    let (mut cluster, admin) = Cluster::start(layout).await.expect("the services");
    let client = admin.new_admin("bench", 100).await;
    let (mut of_child, mut of_worker) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let id = sleeper(&client).await;
        let runs = cluster.runs(&client, &id).await;
        let child = cluster.workers[runs].child_of(&id).await;
        let died = Instant::now();
        kill_9(child);
        at_work_again(&cluster, &id, child).await;
        of_child.push(died.elapsed().as_secs_f64());
        end(&client, &id).await;
    }
    for _ in 0..RUNS {
        let id = sleeper(&client).await;
        let runs = cluster.runs(&client, &id).await;
        let child = cluster.workers[runs].child_of(&id).await;
        let died = Instant::now();
        cluster.workers[runs].kill_9().await;
        at_work_again(&cluster, &id, child).await;
        of_worker.push(died.elapsed().as_secs_f64());
        cluster.workers[runs] = cluster.worker(&[]);
        cluster.until_ready().await;
        end(&client, &id).await;
    }
    let restarted = restarted_by_the_broker(&mut cluster, &client).await;
    vec![
        Measurement::new("recovery of a child", "s", of_child, json!({})),
        Measurement::new("recovery of a worker", "s", of_worker, json!({ "window_s": 3 })),
        Measurement::new(
            "jobs restarted by a broker's restart",
            "jobs",
            vec![restarted],
            json!({ "running": 2 }),
        ),
    ]
}

async fn sleeper(client: &Client) -> String {
    let id =
        client.probe(json!({ "spec": { "steps": [{ "step": "sleep", "sleep_ms": 600_000 }] } }));
    let id = id.await;
    client.until(&id, &["running"], PATIENCE).await;
    id
}

async fn end(client: &Client, id: &str) {
    client.stop(id).await.ok();
    client.until_ended(id).await;
}

/// Waits until some worker has given the job to another child.
async fn at_work_again(cluster: &Cluster, id: &str, before: u32) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let children = cluster.workers.iter().filter_map(|worker| worker.last_child_of(id));
        if children.into_iter().any(|child| child != before) {
            return;
        }
        assert!(Instant::now() < deadline, "{id} is lost");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn restarted_by_the_broker(cluster: &mut Cluster, client: &Client) -> f64 {
    let ids = [sleeper(client).await, sleeper(client).await];
    cluster.services.own_mut().rabbitmq.kill();
    cluster.services.own_mut().rabbitmq.start_again();
    // Tickets come again once the workers are back: a probe after them shows that they are.
    let mut restarted = 0.0;
    tokio::time::sleep(Duration::from_secs(10)).await;
    for id in &ids {
        restarted += (client.status(id).await["attempt"].as_u64().unwrap() - 1) as f64;
        end(client, id).await;
    }
    restarted
}
