//! What every event bus does, whatever carries its streams.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::{EventBus, Published, Subscription, SubscriptionItem};
use alphafleet_domain::{Cursor, Event, EventBody, EventKind, Instant, JobId, OutboxId};
use serde_json::json;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
/// Long enough for a wrong event to arrive.
const QUIET: Duration = Duration::from_millis(150);

/// Runs the whole suite, each case on jobs of its own.
pub async fn all(bus: &dyn EventBus) {
    answers_a_ping(bus).await;
    numbers_without_holes(bus).await;
    follows_from_now_on(bus).await;
    carries_an_event_unchanged(bus).await;
    replays_after_a_cursor(bus).await;
    replays_everything_from_the_start(bus).await;
    knows_the_latest_event(bus).await;
    replays_then_follows_without_loss_or_doubling(bus).await;
    follows_before_the_first_event(bus).await;
    announces_a_gap_for_an_unknown_epoch(bus).await;
    announces_a_gap_for_a_cursor_of_the_future(bus).await;
    refuses_an_older_attempt(bus).await;
    refuses_what_the_outbox_sent_before(bus).await;
    publishes_many_in_order(bus).await;
    accepts_state_events_of_an_older_attempt(bus).await;
    keeps_jobs_apart(bus).await;
    tells_all_subscribers_the_same(bus).await;
    loses_nothing_when_a_wait_is_given_up(bus).await;
}

pub async fn answers_a_ping(bus: &dyn EventBus) {
    bus.ping().await.expect("a bus that is up answers");
}

pub async fn numbers_without_holes(bus: &dyn EventBus) {
    let cursors = publish(bus, JobId::new(), 1..=5).await;
    let seqs: Vec<u64> = cursors.iter().map(|cursor| cursor.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
    assert!(cursors.iter().all(|cursor| cursor.epoch == cursors[0].epoch), "the epoch changed");
}

pub async fn follows_from_now_on(bus: &dyn EventBus) {
    let job = JobId::new();
    publish(bus, job, 1..=3).await;
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    publish(bus, job, 4..=5).await;
    assert_eq!(read(&mut *subscription, 2).await, [4, 5]);
}

pub async fn carries_an_event_unchanged(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let mut sent = body(job, 7, 1);
    sent.payload =
        json!({ "text": "é\n\"", "float": 0.1, "list": [1, null, true], "big": u64::MAX });
    let Published::At(cursor) = bus.publish(sent.clone()).await.unwrap() else {
        panic!("the event was refused")
    };
    assert_eq!(*event(&mut *subscription).await, Event { cursor, body: sent });
}

pub async fn replays_after_a_cursor(bus: &dyn EventBus) {
    let job = JobId::new();
    let cursors = publish(bus, job, 1..=10).await;
    for (seen, &cursor) in (1..).zip(&cursors) {
        let mut subscription = bus.subscribe(job, Some(cursor)).await.unwrap();
        let rest: Vec<u64> = (seen + 1..=10).collect();
        assert_eq!(read(&mut *subscription, rest.len()).await, rest);
        assert!(seen < 10 || is_quiet(&mut *subscription).await, "there was nothing more");
    }
    let from_the_start = Cursor { seq: 0, ..cursors[0] };
    let mut subscription = bus.subscribe(job, Some(from_the_start)).await.unwrap();
    assert_eq!(read(&mut *subscription, 10).await, (1..=10).collect::<Vec<_>>());
}

pub async fn replays_everything_from_the_start(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut early = bus.subscribe(job, Some(Cursor::START)).await.unwrap();
    publish(bus, job, 1..=3).await;
    let mut late = bus.subscribe(job, Some(Cursor::START)).await.unwrap();
    assert_eq!(read(&mut *early, 3).await, [1, 2, 3]);
    assert_eq!(read(&mut *late, 3).await, [1, 2, 3]);
}

pub async fn knows_the_latest_event(bus: &dyn EventBus) {
    let job = JobId::new();
    assert_eq!(bus.latest(job).await.unwrap(), None);
    let cursors = publish(bus, job, 1..=3).await;
    assert_eq!(bus.latest(job).await.unwrap(), cursors.last().copied());
}

pub async fn replays_then_follows_without_loss_or_doubling(bus: &dyn EventBus) {
    const LAST: u64 = 400;
    let job = JobId::new();
    let first = publish(bus, job, 1..=1).await[0];
    let publishing = async {
        for number in 2..=LAST {
            publish(bus, job, number..=number).await;
            tokio::task::yield_now().await;
        }
    };
    let reconnecting = async {
        let (mut cursor, mut seen) = (first, vec![1]);
        while seen.len() < LAST as usize {
            let mut subscription = bus.subscribe(job, Some(cursor)).await.unwrap();
            for _ in 0..7.min(LAST as usize - seen.len()) {
                let event = event(&mut *subscription).await;
                cursor = event.cursor;
                seen.push(number(&event));
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(publishing, reconnecting);
    assert_eq!(seen, (1..=LAST).collect::<Vec<_>>());
}

pub async fn follows_before_the_first_event(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    publish(bus, job, 1..=2).await;
    assert_eq!(read(&mut *subscription, 2).await, [1, 2]);
}

pub async fn announces_a_gap_for_an_unknown_epoch(bus: &dyn EventBus) {
    let job = JobId::new();
    let last = *publish(bus, job, 1..=3).await.last().unwrap();
    let lost = Cursor { epoch: last.epoch.wrapping_sub(1), seq: 2 };
    gap_then_stream(bus, job, lost, last.epoch).await;
}

pub async fn announces_a_gap_for_a_cursor_of_the_future(bus: &dyn EventBus) {
    let job = JobId::new();
    let last = *publish(bus, job, 1..=3).await.last().unwrap();
    let future = Cursor { seq: last.seq + 1_000, ..last };
    gap_then_stream(bus, job, future, last.epoch).await;
}

/// The stream goes on after the gap, without a hole between `resume_after` and the next event.
async fn gap_then_stream(bus: &dyn EventBus, job: JobId, cursor: Cursor, epoch: u64) {
    let mut subscription = bus.subscribe(job, Some(cursor)).await.unwrap();
    let SubscriptionItem::Gap { resume_after } = item(&mut *subscription).await else {
        panic!("the loss was not announced")
    };
    assert_eq!(resume_after.epoch, epoch);
    publish(bus, job, 4..=4).await;
    for seq in resume_after.seq + 1..=4 {
        assert_eq!(event(&mut *subscription).await.cursor, Cursor { epoch, seq });
    }
}

pub async fn refuses_an_older_attempt(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    assert!(is_published(bus, body(job, 1, 1)).await);
    assert!(is_published(bus, body(job, 2, 2)).await);
    assert!(!is_published(bus, body(job, 1, 3)).await, "a fenced attempt spoke");
    assert!(is_published(bus, body(job, 2, 4)).await);
    assert_eq!(read(&mut *subscription, 3).await, [1, 2, 4]);
}

/// They come from the outbox, fenced and in order: the end of an attempt may be told after the
/// next attempt's first progress, and is not lost by that.
pub async fn accepts_state_events_of_an_older_attempt(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let state =
        |attempt, number| EventBody { kind: EventKind::State, ..body(job, attempt, number) };
    assert!(is_published(bus, body(job, 2, 1)).await);
    assert!(is_published(bus, state(1, 2)).await, "a state event was refused");
    assert!(!is_published(bus, body(job, 1, 3)).await, "the old attempt was let in again");
    assert!(is_published(bus, state(2, 4)).await);
    assert_eq!(read(&mut *subscription, 3).await, [1, 2, 4]);
}

/// A relay that was paused past its lease may publish again what another has published since.
pub async fn refuses_what_the_outbox_sent_before(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let state = |outbox, number| EventBody {
        kind: EventKind::State,
        outbox: Some(OutboxId(outbox)),
        ..body(job, 1, number)
    };
    assert!(is_published(bus, state(10, 1)).await);
    assert!(is_published(bus, state(20, 2)).await);
    for repeated in [10, 15, 20] {
        assert_eq!(bus.publish(state(repeated, 99)).await.unwrap(), Published::Repeated);
    }
    assert!(is_published(bus, body(job, 1, 3)).await, "what is not from the outbox has no number");
    assert!(is_published(bus, state(21, 4)).await);
    assert_eq!(read(&mut *subscription, 4).await, [1, 2, 3, 4]);
}

pub async fn publishes_many_in_order(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    let mut events: Vec<EventBody> = (1..=200).map(|number| body(job, 2, number)).collect();
    events.insert(100, body(job, 1, 999));
    let (published, ended) = bus.publish_all(events).await;
    ended.expect("the bus is up");
    assert_eq!(published.len(), 201);
    assert_eq!(published[100], Published::Stale);
    assert_eq!(read(&mut *subscription, 200).await, (1..=200).collect::<Vec<_>>());
}

pub async fn keeps_jobs_apart(bus: &dyn EventBus) {
    let (job, other) = (JobId::new(), JobId::new());
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    publish(bus, other, 1..=3).await;
    publish(bus, job, 4..=4).await;
    let event = event(&mut *subscription).await;
    assert_eq!((event.body.job, event.cursor.seq), (job, 1));
    assert!(is_quiet(&mut *subscription).await, "another job's event came");
}

pub async fn tells_all_subscribers_the_same(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscriptions = Vec::new();
    for _ in 0..10 {
        subscriptions.push(bus.subscribe(job, None).await.unwrap());
    }
    publish(bus, job, 1..=50).await;
    for subscription in &mut subscriptions {
        assert_eq!(read(&mut **subscription, 50).await, (1..=50).collect::<Vec<_>>());
    }
}

pub async fn loses_nothing_when_a_wait_is_given_up(bus: &dyn EventBus) {
    let job = JobId::new();
    let mut subscription = bus.subscribe(job, None).await.unwrap();
    assert!(is_quiet(&mut *subscription).await);
    publish(bus, job, 1..=3).await;
    assert_eq!(read(&mut *subscription, 3).await, [1, 2, 3]);
}

/// A progress event of `attempt` that carries `number`.
fn body(job: JobId, attempt: u32, number: u64) -> EventBody {
    EventBody {
        job,
        attempt,
        outbox: None,
        kind: EventKind::Progress,
        at: Instant::UNIX_EPOCH + chrono::TimeDelta::microseconds(1_700_000_000_123_456),
        payload: json!({ "number": number }),
    }
}

fn number(event: &Event) -> u64 {
    event.body.payload["number"].as_u64().expect("the payload is what was sent")
}

async fn is_published(bus: &dyn EventBus, event: EventBody) -> bool {
    matches!(bus.publish(event).await.expect("the bus is up"), Published::At(_))
}

async fn publish(
    bus: &dyn EventBus,
    job: JobId,
    numbers: std::ops::RangeInclusive<u64>,
) -> Vec<Cursor> {
    let mut cursors = Vec::new();
    for number in numbers {
        match bus.publish(body(job, 1, number)).await.expect("the bus is up") {
            Published::At(cursor) => cursors.push(cursor),
            refused => panic!("a current attempt was refused: {refused:?}"),
        }
    }
    cursors
}

async fn item(subscription: &mut dyn Subscription) -> SubscriptionItem {
    timeout(DEADLINE, subscription.next()).await.expect("an item comes").expect("the bus is up")
}

async fn event(subscription: &mut dyn Subscription) -> Arc<Event> {
    match item(subscription).await {
        SubscriptionItem::Event(event) => event,
        SubscriptionItem::Gap { resume_after } => panic!("a gap, to go on after {resume_after}"),
    }
}

async fn read(subscription: &mut dyn Subscription, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(number(&*event(subscription).await));
    }
    numbers
}

async fn is_quiet(subscription: &mut dyn Subscription) -> bool {
    timeout(QUIET, subscription.next()).await.is_err()
}
