use std::task::Waker;

use alphafleet_domain::{Event, EventBody};
use chrono::Utc;
use serde_json::json;

use super::*;

fn event(job: JobId, seq: u64, kind: EventKind) -> Arc<Event> {
    let payload = match kind {
        EventKind::State => json!({ "state": "running", "attempt": 1 }),
        EventKind::Progress => json!({ "percent": 1.0, "stage": "", "message": "" }),
        _ => json!({ "points": [] }),
    };
    let at = Utc::now();
    let body = EventBody { job, outbox: None, attempt: 1, kind, at, payload };
    Arc::new(Event { cursor: Cursor { epoch: 1, seq }, body })
}

/// Events of one job with numbers from `first` on: `s`tate, `p`rogress or `m`etrics.
fn hear(queue: &ClientQueue, job: JobId, first: u64, kinds: &str) {
    let kind = |letter| match letter {
        's' => EventKind::State,
        'p' => EventKind::Progress,
        _ => EventKind::Metrics,
    };
    let numbered = kinds.chars().zip(first..);
    let events: Vec<_> = numbered.map(|(letter, seq)| event(job, seq, kind(letter))).collect();
    let batch = Batch::write(job, &events).unwrap_or_else(|error| panic!("{error}"));
    queue.hear(&Arc::new(batch), 0, &events);
}

fn shown(queue: &ClientQueue, job: JobId) -> String {
    let waiting = queue.lock();
    let of_job = waiting.items.iter().filter(|item| item.job() == Some(job));
    let words = of_job.flat_map(|item| match item {
        Item::Events(run) => run.seqs().iter().map(ToString::to_string).collect(),
        Item::Gap { resume_after, .. } => vec![format!("gap {}", resume_after.seq)],
        Item::Own(_) => Vec::new(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn poll(queue: &ClientQueue) -> Poll<Option<Bytes>> {
    queue.poll_bytes(&mut Context::from_waker(Waker::noop()))
}

fn texts(queue: &ClientQueue) -> Vec<String> {
    let bytes = std::iter::from_fn(|| match poll(queue) {
        Poll::Ready(bytes) => bytes,
        Poll::Pending => None,
    });
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[test]
fn a_full_queue_keeps_changes_of_state_and_tells_the_rest_as_a_gap() {
    let (job, other) = (JobId::new(), JobId::new());
    let queue = ClientQueue::new(4, 10_000);
    hear(&queue, other, 1, "m");
    for (seq, kind) in [(1, "s"), (2, "m"), (3, "m"), (4, "m"), (5, "m")] {
        hear(&queue, job, seq, kind);
    }
    assert_eq!(shown(&queue, job), "1 gap 4 5");
    assert_eq!(shown(&queue, other), "1");
    // What came with others in one batch is taken apart.
    hear(&queue, job, 6, "msmsms");
    assert_eq!(shown(&queue, job), "1 gap 4 5 6 7 8 9 10 11");
    hear(&queue, job, 12, "mssmss");
    assert_eq!(shown(&queue, job), "1 7 9 11 13 14 gap 15 16 17");
    let waiting = queue.lock();
    assert_eq!((waiting.frames, waiting.progress), (9, 0));
}

#[test]
fn bytes_count_too_and_a_gap_of_a_gap_is_one() {
    let job = JobId::new();
    let queue = ClientQueue::new(100, 200);
    hear(&queue, job, 1, "ss");
    for seq in 3..=9 {
        hear(&queue, job, seq, "m");
    }
    assert_eq!(shown(&queue, job), "1 2 gap 9");
    queue.forget(job);
    assert!(queue.is_half_free() && queue.lock().items.is_empty());
    hear(&queue, job, 10, "m");
    assert_eq!(shown(&queue, job), "10");
}

#[test]
fn progress_is_outdated_once_a_client_falls_behind() {
    let (job, other) = (JobId::new(), JobId::new());
    let queue = ClientQueue::new(10, 10_000);
    hear(&queue, other, 1, "p");
    hear(&queue, job, 1, "pmpm");
    hear(&queue, job, 5, "p");
    assert_eq!(shown(&queue, job), "1 2 3 4 5");
    hear(&queue, job, 6, "p");
    assert_eq!(shown(&queue, job), "2 4 6");
    assert_eq!(shown(&queue, other), "1");
    hear(&queue, job, 7, "m");
    assert_eq!(shown(&queue, job), "2 4 6 7");
}

#[test]
fn events_are_written_as_they_came_and_in_one_piece() {
    let job = JobId::new();
    let queue = ClientQueue::new(100, 100_000);
    hear(&queue, job, 1, "smp");
    queue.push_own(Bytes::from_static(b"pong"));
    hear(&queue, job, 4, "m");
    let written = texts(&queue);
    assert_eq!(written.len(), 3);
    assert_eq!(written[0].matches("\"seq\":").count(), 3);
    assert_eq!(written[1], "pong");
    assert!(written[2].contains("\"seq\":4"), "{}", written[2]);
    assert!(poll(&queue).is_pending());
}

#[tokio::test]
async fn nothing_overtakes_what_is_put_in_front() {
    let job = JobId::new();
    let queue = ClientQueue::new(1, 100_000);
    queue.hold();
    hear(&queue, job, 1, "m");
    assert!(poll(&queue).is_pending());
    queue.release(Some(Bytes::from_static(b"subscribed")));
    assert_eq!(texts(&queue).first().map(String::as_str), Some("subscribed"));
    // A gap is written by the connection, and what comes meanwhile waits.
    hear(&queue, job, 2, "m");
    hear(&queue, job, 3, "m");
    hear(&queue, job, 4, "m");
    assert_eq!(shown(&queue, job), "gap 3 4");
    assert!(poll(&queue).is_pending());
    let resume_after = Cursor { epoch: 1, seq: 3 };
    assert_eq!(queue.need().await, Need::Snapshot { job, resume_after });
    hear(&queue, job, 5, "mm");
    assert!(poll(&queue).is_pending());
    queue.release(Some(Bytes::from_static(b"snapshot")));
    assert_eq!(texts(&queue), ["snapshot"]);
    let resume_after = Cursor { epoch: 1, seq: 6 };
    assert_eq!(queue.need().await, Need::Snapshot { job, resume_after });
}

#[tokio::test]
async fn it_ends_after_the_last_frame_or_at_once() {
    let close = || Bytes::from_static(b"close");
    let queue = ClientQueue::new(10, 1_000);
    queue.push_own(Bytes::from_static(b"last"));
    queue.finish(close());
    queue.push_own(Bytes::from_static(b"too late"));
    assert_eq!(texts(&queue), ["last", "close"]);
    queue.ended().await;
    let queue = ClientQueue::new(10, 1_000);
    queue.push_own(Bytes::from_static(b"dropped"));
    queue.close(close());
    assert_eq!(texts(&queue), ["close"]);
    assert_eq!(poll(&queue), Poll::Ready(None));
    ClientQueue::new(1, 1).abandon();
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_noticed() {
    let job = JobId::new();
    let queue = ClientQueue::new(2, 1_000_000);
    let waits = || queue.is_stalled(Duration::ZERO);
    assert!(poll(&queue).is_pending());
    assert!(!waits());
    hear(&queue, job, 1, "m");
    assert!(waits());
    assert!(!queue.is_stalled(Duration::from_secs(600)));
    queue.hold();
    assert!(!waits());
    queue.release(None);
    assert!(waits());
    assert_eq!(texts(&queue).len(), 1);
    assert!(!waits());
    hear(&queue, job, 2, "sssssssss");
    assert_eq!(queue.need().await, Need::GiveUp);
}
