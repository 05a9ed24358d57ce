use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use alphafleet_domain::ports::EventBus;
use alphafleet_domain::{EventBody, EventKind, JobId};
use alphafleet_events::{RedisEventBus, RedisSettings};
use alphafleet_tests::{Client, Cluster, Layout};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::measurement::{Measurement, percentile};

const CLIENTS: usize = 1_000;
const PACED: usize = 500;
const BURST: u64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// Redis → gateway → 1,000 WebSocket clients of one session: 50 messages a second, then 1,000 at
/// once. The clients share the machine.
pub async fn run() -> Vec<Measurement> {
    let layout = Layout { workers: 1, log: "warn".to_owned(), ..Layout::breakable() };
    let (mut cluster, admin) = Cluster::start(layout).await.expect("the services");
    let client = admin.new_admin("bench", 100).await;
    let sleep = json!({ "spec": { "steps": [{ "step": "sleep", "sleep_ms": 600_000 }] } });
    let id = client.probe(sleep).await;
    client.until(&id, &["running"], PATIENCE).await;
    let bus =
        RedisEventBus::new(RedisSettings::new(cluster.services.own_mut().redis.url())).unwrap();
    let job: JobId = id.parse().unwrap();

    let received = Arc::new(AtomicU64::new(0));
    let (tell, mut waits) = mpsc::unbounded_channel();
    let start = Instant::now();
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let socket = subscribed(&client, &id).await;
        readers.spawn(read(socket, start, Arc::clone(&received), tell.clone()));
    }
    let mut pace = interval(Duration::from_millis(20));
    for _ in 0..PACED {
        pace.tick().await;
        bus.publish(line(job, start)).await.unwrap();
    }
    let mut paced = Vec::with_capacity(PACED * CLIENTS);
    while paced.len() < PACED * CLIENTS {
        let wait = timeout(PATIENCE, waits.recv()).await.expect("nothing is lost").unwrap();
        paced.push(wait);
    }
    let before = received.load(Ordering::Relaxed);
    let burst = Instant::now();
    let events = (0..BURST).map(|_| line(job, start)).collect();
    bus.publish_all(events).await.1.unwrap();
    let expected = before + BURST * CLIENTS as u64;
    while received.load(Ordering::Relaxed) < expected {
        assert!(burst.elapsed() < PATIENCE, "something is lost");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = (BURST * CLIENTS as u64) as f64 / burst.elapsed().as_secs_f64();
    let params = json!({ "clients": CLIENTS, "per_second": 50, "messages": PACED });
    vec![
        Measurement::new("relay p50", "ms", vec![percentile(&mut paced, 50.0)], params.clone()),
        Measurement::new("relay p99", "ms", vec![percentile(&mut paced, 99.0)], params),
        Measurement::new(
            "relay burst",
            "deliveries/s",
            vec![rate],
            json!({ "clients": CLIENTS, "messages": BURST }),
        ),
    ]
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn subscribed(client: &Client, id: &str) -> Socket {
    let url = client.url.replacen("http", "ws", 1);
    let url = format!("{url}/api/v1/ws/connect?token={}", client.token);
    let (mut socket, _) = connect_async(url).await.unwrap();
    let subscribe = json!({ "type": "subscribe_session", "session_id": id });
    socket.send(Message::text(subscribe.to_string())).await.unwrap();
    loop {
        let frame = socket.next().await.expect("it is open").unwrap();
        if frame.to_text().unwrap().contains("session_subscribed") {
            return socket;
        }
    }
}

/// Notes how long each line was on its way; the last word of a line is when it was sent.
async fn read(
    mut socket: Socket,
    start: Instant,
    received: Arc<AtomicU64>,
    tell: mpsc::UnboundedSender<f64>,
) {
    let mut last = 0;
    while let Some(Ok(frame)) = socket.next().await {
        let Ok(text) = frame.to_text() else { continue };
        if text.contains("\"type\":\"ping\"") {
            socket.send(Message::text(r#"{"type":"pong"}"#)).await.unwrap();
        }
        assert!(!text.contains("\"type\":\"gap\""), "a client lost something");
        let Some((_, rest)) = text.split_once("sent at ") else { continue };
        let seq = text.split_once("\"seq\":").unwrap().1;
        let seq: u64 = seq.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        assert!(seq > last, "{seq} came after {last}");
        last = seq;
        let sent: u64 = rest.split(' ').next().unwrap().parse().unwrap();
        let wait = start.elapsed().as_micros() as u64 - sent;
        received.fetch_add(1, Ordering::Relaxed);
        tell.send(wait as f64 / 1_000.0).ok();
    }
}

fn line(job: JobId, start: Instant) -> EventBody {
    let at = chrono::Utc::now();
    let message = format!("sent at {} microseconds", start.elapsed().as_micros());
    let payload = json!({ "lines": [{ "at": at, "level": "info", "message": message }] });
    EventBody { job, attempt: 1, outbox: None, kind: EventKind::Log, at, payload }
}
