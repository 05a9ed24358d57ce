use alphafleet_domain::{Cursor, Event, EventBody, EventKind, Instant, JobId, OutboxId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event as it stands in a stream: the job is in the key, the cursor beside it.
#[derive(Serialize, Deserialize)]
struct WireEvent {
    attempt: u32,
    kind: EventKind,
    at: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outbox: Option<i64>,
    payload: Value,
}

pub(super) fn encode(event: &EventBody) -> serde_json::Result<String> {
    serde_json::to_string(&WireEvent {
        attempt: event.attempt,
        kind: event.kind,
        at: event.at,
        outbox: event.outbox.map(|outbox| outbox.0),
        payload: event.payload.clone(),
    })
}

pub(super) fn decode(job: JobId, cursor: Cursor, text: &str) -> serde_json::Result<Event> {
    let WireEvent { attempt, kind, at, outbox, payload } = serde_json::from_str(text)?;
    let outbox = outbox.map(OutboxId);
    Ok(Event { cursor, body: EventBody { job, attempt, outbox, kind, at, payload } })
}

/// A message on a channel: `epoch number event`.
pub(super) fn message(text: &str) -> Option<(Cursor, &str)> {
    let (epoch, rest) = text.split_once(' ')?;
    let (seq, event) = rest.split_once(' ')?;
    Some((Cursor { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? }, event))
}

/// `epoch number`.
pub(super) fn cursor(text: &str) -> Option<Cursor> {
    let (epoch, seq) = text.split_once(' ')?;
    Some(Cursor { epoch: epoch.parse().ok()?, seq: seq.parse().ok()? })
}
