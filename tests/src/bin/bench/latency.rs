use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alphafleet_tests::{Cluster, Layout};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::measurement::{Measurement, percentile};
use crate::peer;

const JOBS: usize = 500;
const EVERY: Duration = Duration::from_millis(20);

/// From the moment a request is sent to its handler's first stage, at 50 jobs a second.
pub async fn run() -> Vec<Measurement> {
    let layout = Layout { workers: 1, log: "warn".to_owned(), ..Layout::breakable() }
        .with("SERVER__REQUESTS_PER_USER_PER_SECOND", "100000");
    let (mut cluster, admin) = Cluster::start(layout).await.expect("the services");
    let client = admin.new_admin("bench", 10_000).await;
    let body = json!({ "spec": { "steps": [{ "step": "echo", "value": 1 }] } });
    for _ in 0..20 {
        let id = client.probe(body.clone()).await;
        client.until_ended(&id).await;
    }
    let mut pace = interval(EVERY);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = Vec::new();
    for _ in 0..JOBS {
        pace.tick().await;
        let (client, body) = (client.clone(), body.clone());
        sent.push(tokio::spawn(async move {
            let at = now();
            (at, client.probe(body).await)
        }));
    }
    let mut waits = Vec::new();
    for submit in sent {
        let (at, id) = submit.await.unwrap();
        client.until_ended(&id).await;
        let status = client.status(&id).await;
        let began = status["stages"][0]["at"].as_str().expect("a stage");
        let began = chrono::DateTime::parse_from_rfc3339(began).unwrap();
        let began = began.timestamp_micros() as f64 / 1_000.0;
        waits.push(began - at);
    }
    let params = json!({ "jobs": JOBS, "per_second": 50 });
    let figure = |name: &str, waits: &mut [f64], hundredth| {
        Measurement::new(name, "ms", vec![percentile(waits, hundredth)], params.clone())
    };
    let mut measured =
        vec![figure("latency p50", &mut waits, 50.0), figure("latency p99", &mut waits, 99.0)];
    measured.extend(peer::celery("latency", &cluster.services.own_mut().rabbitmq, "ms"));
    measured
}

/// Milliseconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1_000.0
}
