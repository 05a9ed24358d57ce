use alphafleet_domain::job::{Completion, JobKind};
use alphafleet_domain::ports::{EventBus, Published};
use alphafleet_domain::{EventBody, EventKind, JobId};
use alphafleet_protocol::{ClientFrame, ServerFrame, SessionState, WireCursor};
use chrono::Utc;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::sessions::{claim, complete};
use crate::socket::{Heard, Socket};

pub async fn publish(gateway: &Harness, job: JobId, kind: EventKind, payload: Value) -> WireCursor {
    let body = EventBody { job, outbox: None, attempt: 1, kind, at: Utc::now(), payload };
    match gateway.events.publish(body).await.unwrap() {
        Published::At(cursor) => cursor.into(),
        other => panic!("{other:?}"),
    }
}

/// One round's metrics.
pub async fn publish_round(gateway: &Harness, job: JobId, step: u64) -> WireCursor {
    let point = json!({ "name": "train.l2", "step": step, "value": 0.5, "at": Utc::now() });
    publish(gateway, job, EventKind::Metrics, json!({ "points": [point] })).await
}

/// Waits for the news of the submit, which a task of the gateway publishes.
pub async fn announced(gateway: &Harness, job: JobId) -> WireCursor {
    let mut stream =
        gateway.events.subscribe(job, Some(alphafleet_domain::Cursor::START)).await.unwrap();
    let item = tokio::time::timeout(crate::harness::DEADLINE, stream.next()).await.unwrap();
    match item.unwrap() {
        alphafleet_domain::ports::SubscriptionItem::Event(event) => event.cursor.into(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_seen_from_its_submit_to_its_end() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    match socket.subscribe(id, Some(WireCursor::START)).await {
        ServerFrame::SessionSubscribed { session_id, snapshot, .. } => {
            assert_eq!((session_id, snapshot.state), (id, SessionState::Pending));
        }
        other => panic!("{other:?}"),
    }
    let pending = socket.frame().await;
    assert_eq!(pending.state().unwrap().state, SessionState::Pending, "{pending:?}");
    let job = claim(&gateway, JobKind::Probe).await;
    let progress = json!({ "percent": 30.0, "stage": "training", "message": "", "epoch": 1, "epochs": 9, "eta_ms": null });
    publish(&gateway, id, EventKind::Progress, progress).await;
    match socket.frame().await {
        ServerFrame::SessionStatusUpdate { progress: Some(progress), state: None, .. } => {
            assert_eq!((progress.percent, progress.epoch), (30.0, Some(1)));
        }
        other => panic!("{other:?}"),
    }
    publish_round(&gateway, id, 1).await;
    assert!(
        matches!(socket.frame().await, ServerFrame::SessionMetricsUpdate { metrics, .. } if metrics.points[0].step == 1)
    );
    let line = json!({ "at": Utc::now(), "level": "info", "message": "hello" });
    publish(&gateway, id, EventKind::Log, json!({ "lines": [line] })).await;
    assert!(
        matches!(socket.frame().await, ServerFrame::Log { log, .. } if log.lines[0].message == "hello")
    );
    let sample = json!({ "attempt": 1, "at": Utc::now(), "cpu_percent": 150.0, "memory_bytes": 7, "read_bytes": 0, "written_bytes": 0 });
    publish(&gateway, id, EventKind::Resources, json!({ "samples": [sample] })).await;
    assert!(
        matches!(socket.frame().await, ServerFrame::SessionResourcesUpdate { resources, .. } if resources.samples[0].cpu_percent == 150.0)
    );
    complete(&gateway, &job, Completion::default()).await;
    let completed = json!({ "state": "completed", "attempt": 1 });
    publish(&gateway, id, EventKind::State, completed).await;
    assert!(
        matches!(socket.frame().await, ServerFrame::TrainingCompleted { state, .. } if state.state == SessionState::Completed)
    );
    let failed = json!({ "state": "failed", "attempt": 1, "failure": { "code": "internal", "message": "no", "retryable": false } });
    publish(&gateway, id, EventKind::State, failed).await;
    assert!(
        matches!(socket.frame().await, ServerFrame::TrainingFailed { state, .. } if state.failure.is_some())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cursor_a_snapshot_comes_first_and_then_only_what_is_new() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    announced(&gateway, id).await;
    let last = publish_round(&gateway, id, 1).await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    match socket.subscribe(id, None).await {
        ServerFrame::SessionSubscribed { latest, .. } => assert_eq!(latest, Some(last)),
        other => panic!("{other:?}"),
    }
    let new = publish_round(&gateway, id, 2).await;
    assert_eq!(socket.seqs(1).await, [new.seq]);
    socket.say(&ClientFrame::UnsubscribeSession { session_id: id }).await;
    assert!(matches!(socket.frame().await, ServerFrame::SessionUnsubscribed { .. }));
    publish_round(&gateway, id, 3).await;
    socket.say(&ClientFrame::Ping {}).await;
    assert_eq!(socket.frame().await, ServerFrame::Pong {});
}

#[tokio::test(flavor = "multi_thread")]
async fn reconnects_lose_nothing_and_repeat_nothing() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    announced(&gateway, id).await;
    // Another client keeps the hub in motion, so that replays must catch up with it.
    let mut steady = Socket::connect(&gateway, &admin).await;
    steady.subscribe(id, None).await;
    const EVENTS: u64 = 2_000;
    let publisher = async {
        for step in 1..=EVENTS {
            publish_round(&gateway, id, step).await;
            tokio::task::yield_now().await;
        }
    };
    let reader = async {
        let (mut cursor, mut seen) = (WireCursor::START, Vec::new());
        let mut reconnects = 0;
        while seen.len() < EVENTS as usize + 1 {
            let (mut socket, _) = Socket::with_ticket(&gateway, &admin).await;
            socket.frame().await;
            let subscribed = socket.subscribe(id, Some(cursor)).await;
            assert!(matches!(subscribed, ServerFrame::SessionSubscribed { .. }), "{subscribed:?}");
            for _ in 0..150.min(EVENTS as usize + 1 - seen.len()) {
                let frame = socket.frame().await;
                cursor = frame.event_cursor().unwrap_or_else(|| panic!("{frame:?}")).1;
                seen.push(cursor.seq);
            }
            reconnects += 1;
        }
        assert!(reconnects > 10);
        assert_eq!(seen, (1..=EVENTS + 1).collect::<Vec<_>>());
    };
    tokio::join!(publisher, reader);
    assert_eq!(steady.seqs(EVENTS as usize).await, (2..=EVENTS + 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_time_gets_a_gap_with_a_snapshot() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let first = announced(&gateway, id).await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    let foreign = WireCursor { epoch: first.epoch - 1, seq: 5 };
    socket.subscribe(id, Some(foreign)).await;
    match socket.frame().await {
        ServerFrame::Gap { session_id, snapshot, .. } => {
            assert_eq!((session_id, snapshot.state), (id, SessionState::Pending));
        }
        other => panic!("{other:?}"),
    }
    let new = publish_round(&gateway, id, 1).await;
    // What the stream still holds may come again after the gap.
    loop {
        let frame = socket.frame().await;
        if frame.event_cursor().unwrap().1 == new {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_others_cannot_be_followed() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    let eve = gateway.researcher(&admin, "eve").await;
    let mut socket = Socket::connect(&gateway, &eve).await;
    for cursor in [None, Some(WireCursor::START)] {
        socket.say(&ClientFrame::SubscribeSession { session_id: id, cursor }).await;
        assert_eq!(socket.error().await, "not_found");
    }
    let nobody = ClientFrame::SubscribeSession { session_id: JobId::new(), cursor: None };
    socket.say(&nobody).await;
    assert_eq!(socket.error().await, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_gets_a_gap_and_nobody_else_notices() {
    let gateway = Harness::with(|settings| {
        settings.sockets.queue_frames = 64;
        settings.sockets.send_timeout = std::time::Duration::from_secs(600);
    })
    .await;
    let admin = gateway.admin().await;
    let id = gateway.probe(&admin).await;
    announced(&gateway, id).await;
    let mut slow = Socket::connect(&gateway, &admin).await;
    slow.subscribe(id, None).await;
    let mut quick = Socket::connect(&gateway, &admin).await;
    quick.subscribe(id, None).await;
    // Large frames fill the sockets' buffers of the one who does not read.
    const EVENTS: u64 = 1_000;
    let mut expected = Vec::new();
    for n in 0..EVENTS {
        let line = json!({ "at": Utc::now(), "level": "info", "message": "x".repeat(20_000) });
        let cursor = publish(&gateway, id, EventKind::Log, json!({ "lines": [line] })).await;
        expected.push(cursor.seq);
        // In step with the quick one, so that it is never itself behind.
        assert_eq!(quick.seqs(1).await, [cursor.seq], "event {n}");
    }
    let end = json!({ "state": "completed", "attempt": 1 });
    publish(&gateway, id, EventKind::State, end).await;
    assert!(matches!(quick.frame().await, ServerFrame::TrainingCompleted { .. }));
    let (mut last, mut gaps, mut received) = (0, 0, 0);
    loop {
        match slow.frame().await {
            ServerFrame::Gap { resume_after, .. } => {
                gaps += 1;
                assert!(resume_after.seq > last);
                last = resume_after.seq;
            }
            frame => {
                let (_, cursor) = frame.event_cursor().unwrap();
                assert!(last == 0 || cursor.seq == last + 1, "{last} then {}", cursor.seq);
                (last, received) = (cursor.seq, received + 1);
                if matches!(frame, ServerFrame::TrainingCompleted { .. }) {
                    break;
                }
            }
        }
    }
    assert!(gaps > 0, "all {received} were received: the client was not slow");
    assert!(received < EVENTS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    socket.stream.close(None).await.unwrap();
    assert!(matches!(socket.next().await, Heard::Closed(_)));
    assert!(socket.stream.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_says_goodbye() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let mut socket = Socket::connect(&gateway, &admin).await;
    gateway.shutdown.cancel();
    assert!(matches!(socket.next().await, Heard::Closed(Some(1001))));
    let served = tokio::time::timeout(crate::harness::DEADLINE, gateway.served).await.unwrap();
    served.unwrap().unwrap();
}
