#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_domain::ports::{EventBus, EventsError, Published, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, EventBody, EventKind, Instant, JobId};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_testkit::conformance;
use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

fn start() -> Instant {
    Instant::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn bus(limits: StreamLimits) -> MemoryEventBus {
    MemoryEventBus::new(limits, start())
}

fn log(job: JobId, number: u64) -> EventBody {
    let payload = json!({ "number": number });
    EventBody { job, attempt: 1, outbox: None, kind: EventKind::Log, at: start(), payload }
}

fn state(job: JobId, name: &str) -> EventBody {
    let payload = json!({ "state": name });
    EventBody { job, attempt: 1, outbox: None, kind: EventKind::State, at: start(), payload }
}

async fn publish(bus: &MemoryEventBus, event: EventBody) -> Cursor {
    match bus.publish(event).await.unwrap() {
        Published::At(cursor) => cursor,
        refused => panic!("refused: {refused:?}"),
    }
}

async fn next(subscription: &mut dyn Subscription) -> Option<SubscriptionItem> {
    timeout(DEADLINE, subscription.next()).await.expect("an item comes")
}

/// The numbers of the events that follow, `None` for a gap.
async fn read(subscription: &mut dyn Subscription, count: usize) -> Vec<Option<u64>> {
    let mut seen = Vec::new();
    for _ in 0..count {
        seen.push(match next(subscription).await.expect("the bus is up") {
            SubscriptionItem::Event(event) => Some(event.cursor.seq),
            SubscriptionItem::Gap { .. } => None,
        });
    }
    seen
}

#[tokio::test]
async fn conforms() {
    conformance::events::all(&bus(StreamLimits::default())).await;
}

#[tokio::test]
async fn a_stream_is_capped_in_events_and_the_loss_announced() {
    let bus = bus(StreamLimits { events: 3, ..StreamLimits::default() });
    let job = JobId::new();
    let first = publish(&bus, log(job, 1)).await;
    for number in 2..=10 {
        publish(&bus, log(job, number)).await;
    }
    let mut late = bus.subscribe(job, Some(first)).await.unwrap();
    assert_eq!(read(&mut *late, 4).await, [None, Some(8), Some(9), Some(10)]);
    let held = Some(Cursor { seq: 7, ..first });
    let mut in_time = bus.subscribe(job, held).await.unwrap();
    assert_eq!(read(&mut *in_time, 3).await, [Some(8), Some(9), Some(10)]);
}

#[tokio::test]
async fn a_stream_is_capped_in_bytes_but_keeps_the_newest() {
    let bus = bus(StreamLimits { bytes: 10_000, ..StreamLimits::default() });
    let job = JobId::new();
    let big = |bytes: usize| EventBody { payload: json!("x".repeat(bytes)), ..log(job, 0) };
    let first = publish(&bus, big(4_000)).await;
    publish(&bus, big(4_000)).await;
    publish(&bus, big(4_000)).await;
    let mut all = bus.subscribe(job, Some(Cursor { seq: 0, ..first })).await.unwrap();
    assert_eq!(read(&mut *all, 3).await, [None, Some(2), Some(3)]);
    publish(&bus, big(1_000_000)).await;
    let mut all = bus.subscribe(job, Some(Cursor { seq: 0, ..first })).await.unwrap();
    assert_eq!(read(&mut *all, 2).await, [None, Some(4)]);
}

#[tokio::test]
async fn a_slow_subscriber_blocks_nobody_and_gets_a_gap() {
    let bus = bus(StreamLimits { events: 100, ..StreamLimits::default() });
    let job = JobId::new();
    let mut slow = bus.subscribe(job, None).await.unwrap();
    let mut fast = bus.subscribe(job, None).await.unwrap();
    for number in 1..=1_000 {
        publish(&bus, log(job, number)).await;
        assert_eq!(read(&mut *fast, 1).await, [Some(number)]);
    }
    match next(&mut *slow).await {
        Some(SubscriptionItem::Gap { resume_after }) => assert_eq!(resume_after.seq, 900),
        other => panic!("expected a gap, got {other:?}"),
    }
    let rest: Vec<_> = (901..=1_000).map(Some).collect();
    assert_eq!(read(&mut *slow, 100).await, rest);
}

#[tokio::test]
async fn idle_streams_go_and_come_back_in_another_epoch() {
    let bus = bus(StreamLimits::default());
    let (ended, running, followed) = (JobId::new(), JobId::new(), JobId::new());
    let before = publish(&bus, state(ended, "completed")).await;
    publish(&bus, state(running, "running")).await;
    publish(&bus, state(followed, "failed")).await;
    let follower = bus.subscribe(followed, None).await.unwrap();
    assert_eq!(bus.sweep(start() + TimeDelta::minutes(5)), 0);
    assert_eq!(bus.sweep(start() + TimeDelta::hours(1)), 1, "the ended one that nobody follows");
    assert_eq!(bus.streams(), 2);
    assert_eq!(bus.sweep(start() + TimeDelta::days(2)), 1, "the running one");
    drop(follower);
    assert_eq!(bus.sweep(start() + TimeDelta::days(2)), 1);
    assert_eq!(bus.streams(), 0);

    let mut returning = bus.subscribe(ended, Some(before)).await.unwrap();
    assert_eq!(read(&mut *returning, 1).await, [None]);
    let after = publish(&bus, log(ended, 1)).await;
    assert!(after.epoch > before.epoch);
}

#[tokio::test]
async fn a_stream_that_was_only_asked_for_goes_too() {
    let bus = bus(StreamLimits::default());
    drop(bus.subscribe(JobId::new(), None).await.unwrap());
    assert_eq!(bus.sweep(start()), 0, "its idleness counts from here");
    assert_eq!(bus.sweep(start() + TimeDelta::days(2)), 1);
}

#[tokio::test]
async fn a_retried_job_has_not_ended() {
    let bus = bus(StreamLimits::default());
    let job = JobId::new();
    publish(&bus, state(job, "failed")).await;
    publish(&bus, state(job, "pending")).await;
    assert_eq!(bus.sweep(start() + TimeDelta::hours(1)), 0);
}

#[tokio::test]
async fn closing_ends_subscriptions_after_what_they_have_not_read() {
    let bus = bus(StreamLimits::default());
    let job = JobId::new();
    let mut behind = bus.subscribe(job, None).await.unwrap();
    let mut waiting = bus.subscribe(JobId::new(), None).await.unwrap();
    publish(&bus, log(job, 1)).await;
    let waits = tokio::spawn(async move { waiting.next().await.is_none() });
    tokio::task::yield_now().await;
    bus.close();
    assert!(timeout(DEADLINE, waits).await.expect("the wait ends").unwrap());
    assert_eq!(read(&mut *behind, 1).await, [Some(1)]);
    assert!(next(&mut *behind).await.is_none());
    assert!(matches!(bus.publish(log(job, 2)).await, Err(EventsError::Closed)));
    assert!(matches!(bus.subscribe(job, None).await.err(), Some(EventsError::Closed)));
    assert!(matches!(bus.ping().await, Err(EventsError::Closed)));
}

/// Follows a job through reconnects while it publishes; answers what a client would have seen.
async fn follow(events: usize, cap: usize, reads: &[usize], lag: &[usize]) -> Vec<Option<u64>> {
    let bus = bus(StreamLimits { events: cap, ..StreamLimits::default() });
    let job = JobId::new();
    let mut cursor = Cursor { seq: 0, ..publish(&bus, log(job, 1)).await };
    let (mut published, mut seen) = (1, Vec::new());
    for (&reads, &lag) in reads.iter().zip(lag) {
        for _ in 0..lag.min(events - published) {
            published += 1;
            publish(&bus, log(job, published as u64)).await;
        }
        let mut subscription = bus.subscribe(job, Some(cursor)).await.unwrap();
        for _ in 0..reads {
            if cursor.seq == published as u64 {
                break;
            }
            match next(&mut *subscription).await.unwrap() {
                SubscriptionItem::Event(event) => {
                    cursor = event.cursor;
                    seen.push(Some(cursor.seq));
                }
                SubscriptionItem::Gap { resume_after } => {
                    cursor = resume_after;
                    seen.push(None);
                }
            }
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn property_2_every_event_arrives_in_order_or_its_loss_is_announced(
        cap in 1_usize..20,
        steps in prop::collection::vec((0_usize..12, 0_usize..12), 1..30),
    ) {
        let (reads, lag): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let seen = runtime.block_on(follow(200, cap, &reads, &lag));
        let (mut last, mut gap) = (0, false);
        for item in seen {
            match item {
                None => gap = true,
                Some(seq) => {
                    prop_assert!(seq > last, "{seq} after {last}");
                    prop_assert!(gap == (seq > last + 1), "a gap is announced exactly when there is one");
                    (last, gap) = (seq, false);
                }
            }
        }
    }
}
