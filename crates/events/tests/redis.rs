//! On a real Redis: the suite, and what happens when it goes away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_domain::ports::{EventBus, Published, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, EventBody, EventKind, JobId, OutboxId};
use alphafleet_events::{RedisEventBus, RedisSettings, StreamLimits};
use alphafleet_testkit::tls::Certificates;
use alphafleet_testkit::{conformance, redis};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

const DEADLINE: Duration = Duration::from_secs(30);

fn settings(url: &str) -> RedisSettings {
    let namespace = format!("test{}", uuid::Uuid::new_v4().simple());
    RedisSettings { namespace, ..RedisSettings::new(url) }
}

fn log(job: JobId, number: u64) -> EventBody {
    let (kind, payload) = (EventKind::Log, json!({ "number": number }));
    EventBody { job, attempt: 1, outbox: None, kind, at: chrono::Utc::now(), payload }
}

/// Publishes as soon as the server takes it.
async fn publish(bus: &RedisEventBus, event: EventBody) -> Cursor {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match bus.publish(event.clone()).await {
            Ok(Published::At(cursor)) => return cursor,
            Ok(other) => panic!("{other:?}"),
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

async fn item(subscription: &mut dyn Subscription) -> SubscriptionItem {
    timeout(DEADLINE, subscription.next()).await.expect("an item comes").expect("the bus is up")
}

async fn number(subscription: &mut dyn Subscription) -> u64 {
    match item(subscription).await {
        SubscriptionItem::Event(event) => event.body.payload["number"].as_u64().unwrap(),
        SubscriptionItem::Gap { resume_after } => panic!("a gap, to go on after {resume_after}"),
    }
}

fn breakable() -> Option<(redis::Server, RedisEventBus)> {
    let server = redis::Server::start()?;
    let bus = RedisEventBus::new(settings(server.url())).unwrap();
    Some((server, bus))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let Some(server) = redis::shared() else { return };
    conformance::events::all(&RedisEventBus::new(settings(server.url())).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_hear_each_other() {
    let Some(server) = redis::shared() else { return };
    let wanted = settings(server.url());
    let (here, there) = (RedisEventBus::new(wanted.clone()), RedisEventBus::new(wanted));
    let (here, there) = (here.unwrap(), there.unwrap());
    let job = JobId::new();
    let mut subscription = here.subscribe(job, None).await.unwrap();
    for number in 1..=3 {
        publish(&there, log(job, number)).await;
    }
    for expected in 1..=3 {
        assert_eq!(number(&mut *subscription).await, expected);
    }
    here.close();
    assert!(timeout(DEADLINE, subscription.next()).await.unwrap().is_none(), "it was shut down");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_that_keeps_the_data_loses_nothing() {
    let Some((mut server, bus)) = breakable() else { return };
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let first = publish(&bus, log(job, 1)).await;
    assert_eq!(number(&mut *subscription).await, 1);
    server.kill();
    let refused = timeout(DEADLINE, bus.publish(log(job, 9))).await;
    refused.expect("the wait is bounded").expect_err("nobody is there");
    let waits = tokio::spawn(async move { (number(&mut *subscription).await, subscription) });
    server.start_again();
    let second = publish(&bus, log(job, 2)).await;
    assert_eq!(second, Cursor { seq: 2, ..first });
    let (heard, mut subscription) = timeout(DEADLINE, waits).await.unwrap().unwrap();
    assert_eq!(heard, 2);
    publish(&bus, log(job, 3)).await;
    assert_eq!(number(&mut *subscription).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wipe_lost_is_announced() {
    let Some((mut server, bus)) = breakable() else { return };
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let state = |outbox| EventBody {
        kind: EventKind::State,
        outbox: Some(OutboxId(outbox)),
        payload: json!({ "state": "running" }),
        ..log(job, 0)
    };
    let first = publish(&bus, state(7)).await;
    item(&mut *subscription).await;
    server.kill();
    server.wipe_and_start_again();
    let again = publish(&bus, state(8)).await;
    assert!(again.epoch > first.epoch, "the stream began anew: {again}");
    assert_eq!(again.seq, 1);
    match item(&mut *subscription).await {
        SubscriptionItem::Gap { resume_after } => {
            assert_eq!(resume_after, Cursor { seq: 0, ..again });
        }
        other => panic!("{other:?}"),
    }
    match item(&mut *subscription).await {
        SubscriptionItem::Event(event) => assert_eq!(event.cursor, again),
        other => panic!("{other:?}"),
    }
    let mut late = bus.subscribe(job, Some(first)).await.unwrap();
    assert!(matches!(item(&mut *late).await, SubscriptionItem::Gap { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_nobody_up_for_long() {
    let Some((server, bus)) = breakable() else { return };
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    publish(&bus, log(job, 1)).await;
    server.pause();
    let refused = timeout(DEADLINE, bus.publish(log(job, 2))).await.expect("the wait is bounded");
    refused.expect_err("nobody answers");
    timeout(DEADLINE, bus.ping()).await.expect("the wait is bounded").expect_err("nobody answers");
    server.resume();
    publish(&bus, log(job, 3)).await;
    // The second may have been taken after all: its sender was only not told.
    let mut heard = Vec::new();
    while heard.last() != Some(&3) {
        heard.push(number(&mut *subscription).await);
    }
    assert!(heard == [1, 3] || heard == [1, 2, 3], "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_reads_the_stream_and_holds_nobody_up() {
    const EVENTS: u64 = 5_000;
    let Some(server) = redis::shared() else { return };
    let bus = RedisEventBus::new(settings(server.url())).unwrap();
    let job = JobId::new();
    let mut slow = bus.subscribe(job, None).await.unwrap();
    let mut quick = bus.subscribe(job, None).await.unwrap();
    let events = (1..=EVENTS).map(|number| log(job, number)).collect();
    let reading = tokio::spawn(async move {
        for expected in 1..=EVENTS {
            assert_eq!(number(&mut *quick).await, expected);
        }
    });
    bus.publish_all(events).await.1.unwrap();
    timeout(DEADLINE, reading).await.unwrap().unwrap();
    for expected in 1..=EVENTS {
        assert_eq!(number(&mut *slow).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_bounded_and_tells_of_what_it_dropped() {
    let Some(server) = redis::shared() else { return };
    let limits = StreamLimits { events: 10, bytes: 1_000, ..StreamLimits::default() };
    let bus = RedisEventBus::new(RedisSettings { limits, ..settings(server.url()) }).unwrap();
    let job = JobId::new();
    let mut last = Cursor::START;
    for number in 1..=30 {
        last = publish(&bus, log(job, number)).await;
    }
    let mut all = bus.subscribe(job, Some(Cursor { seq: 1, ..last })).await.unwrap();
    let SubscriptionItem::Gap { resume_after } = item(&mut *all).await else { panic!("no gap") };
    assert!(resume_after.seq >= 20, "{resume_after}");
    assert_eq!(number(&mut *all).await, resume_after.seq + 1);
    let big = EventBody { payload: json!({ "text": "x".repeat(900) }), ..log(job, 0) };
    publish(&bus, big.clone()).await;
    let newest = publish(&bus, big).await;
    let mut all = bus.subscribe(job, Some(last)).await.unwrap();
    let SubscriptionItem::Gap { resume_after } = item(&mut *all).await else { panic!("no gap") };
    assert_eq!(resume_after.seq, newest.seq - 1, "the newest stays whatever its size");
}

#[tokio::test]
async fn every_key_expires() {
    let Some((server, bus)) = breakable() else { return };
    let job = JobId::new();
    publish(&bus, log(job, 1)).await;
    bus.subscribe(JobId::new(), None).await.unwrap();
    let client = ::redis::Client::open(server.url()).unwrap();
    let mut raw = client.get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query_async(&mut raw).await.unwrap();
    assert_eq!(keys.len(), 3, "{keys:?}");
    for key in keys {
        let ttl: i64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut raw).await.unwrap();
        assert!(ttl > 0, "{key} stays for ever");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let Some(server) = redis::Server::start_with(&["requirepass rightone"]) else { return };
    let url = format!("redis://:opensesame@127.0.0.1:{}", server.port());
    let bus = RedisEventBus::new(settings(&url)).unwrap();
    let refused = bus.ping().await.unwrap_err();
    let said = format!("{refused:?} {:?}", settings(&url));
    assert!(!said.contains("opensesame"), "{said}");
    let right = url.replace("opensesame", "rightone");
    RedisEventBus::new(settings(&right)).unwrap().ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_trusts_the_authority_it_is_given_alone() {
    let certificates = Certificates::make();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lines = [
        format!("tls-port {port}"),
        format!("tls-cert-file {}", certificates.certificate().display()),
        format!("tls-key-file {}", certificates.key().display()),
        format!("tls-ca-cert-file {}", certificates.authority().display()),
        "tls-auth-clients no".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let Some(_server) = redis::Server::start_with(&lines) else { return };
    let url = format!("rediss://localhost:{port}");
    let ca_pem = Some(certificates.ca_pem());
    let trusting = RedisEventBus::new(RedisSettings { ca_pem, ..settings(&url) }).unwrap();
    let job = JobId::new();
    let mut subscription = trusting.subscribe(job, None).await.unwrap();
    publish(&trusting, log(job, 1)).await;
    assert_eq!(number(&mut *subscription).await, 1);
    let strange = RedisEventBus::new(settings(&url)).unwrap();
    strange.ping().await.expect_err("nobody here knows that authority");
}

/// A Sentinel that watches one server. Ended when dropped.
struct Sentinel {
    process: std::process::Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    fn watch(master: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path().join("sentinel.conf");
        let lines = format!(
            "bind 127.0.0.1\nport {port}\ndir {}\nsentinel monitor main 127.0.0.1 {master} 1\n",
            folder.path().display()
        );
        std::fs::write(&file, lines).unwrap();
        let mut command = std::process::Command::new("redis-server");
        command.arg(&file).arg("--sentinel").stdout(std::process::Stdio::null());
        Self { process: command.spawn().unwrap(), port, _folder: folder }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_leads_to_the_master() {
    let Some(master) = redis::Server::start() else { return };
    let sentinel = Sentinel::watch(master.port());
    let url = format!("redis+sentinel://127.0.0.1:{}/0?master=main", sentinel.port);
    let wanted = settings(&url);
    let bus = RedisEventBus::new(wanted.clone()).unwrap();
    let job = JobId::new();
    let first = publish(&bus, log(job, 1)).await;
    let mut subscription = bus.subscribe(job, Some(Cursor::START)).await.unwrap();
    assert_eq!(number(&mut *subscription).await, 1);
    let direct = RedisSettings { url: master.url().to_owned(), ..wanted };
    let latest = RedisEventBus::new(direct).unwrap().latest(job).await.unwrap();
    assert_eq!(latest, Some(first), "it is the master's");
}
