use std::time::{Duration, Instant};

use alphafleet_tests::{Client, Cluster, Layout, eventually};
use serde_json::{Value, json};

use crate::measurement::Measurement;
use crate::peer;

const JOBS: usize = 10_000;
const RUNS: usize = 3;

/// Probes through gateway, PostgreSQL, RabbitMQ and one worker with two slots, each a durable row:
/// from the first request to the last completion.
pub async fn run() -> Vec<Measurement> {
    let layout = Layout { workers: 1, log: "warn".to_owned(), ..Layout::breakable() }
        .with("SERVER__REQUESTS_PER_USER_PER_SECOND", "100000");
    let (mut cluster, admin) = Cluster::start(layout).await.expect("the services");
    let client = admin.new_admin("bench", 10_000).await;
    let echo = json!({ "steps": [{ "step": "echo", "value": 1 }] });
    let rich = json!({ "steps": [
        { "step": "emit_metrics", "name": "loss", "count": 50 },
        { "step": "write_artifact", "name": "out.bin", "bytes": 1000 },
    ] });
    let mut measured = Vec::new();
    for (name, spec) in [("dispatch", echo), ("dispatch with 50 metrics and a file", rich)] {
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            rates.push(rate(&client, &spec).await);
        }
        let params = json!({ "jobs": JOBS, "workers": 1, "slots": 2 });
        measured.push(Measurement::new(name, "jobs/s", rates, params));
    }
    let celery = peer::celery("dispatch", &cluster.services.own_mut().rabbitmq, "jobs/s");
    if let Some(theirs) = celery.first() {
        measured.push(measured[0].over(theirs));
    }
    measured.extend(celery);
    measured
}

async fn rate(client: &Client, spec: &Value) -> f64 {
    let completed = async || {
        let path = "/api/v1/strategies/sessions?state=completed&limit=1";
        client.get(path).await.ok()["total"].as_u64().unwrap() as usize
    };
    let before = completed().await;
    let start = Instant::now();
    let batch = json!({ "probes": vec![json!({ "spec": spec }); 1_000] });
    for _ in 0..JOBS / 1_000 {
        client.post("/api/v1/probes/batch", batch.clone()).await.ok();
    }
    eventually("the last completion", Duration::from_secs(300), async || {
        (completed().await >= before + JOBS).then_some(())
    })
    .await;
    JOBS as f64 / start.elapsed().as_secs_f64()
}
