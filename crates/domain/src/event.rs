use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Instant, JobId};

/// Where an event stands in its job's stream.
///
/// `seq` counts from 1 without holes within one `epoch`; a new epoch means that the stream was
/// lost and started again, so what a client saw of another epoch cannot be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    pub epoch: u64,
    pub seq: u64,
}

impl Cursor {
    /// Before the first event of a stream of any epoch.
    pub const START: Self = Self { epoch: 0, seq: 0 };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, seq) = text.split_once('-').ok_or("a cursor is 'epoch-seq'")?;
        match (epoch.parse(), seq.parse()) {
            (Ok(epoch), Ok(seq)) => Ok(Self { epoch, seq }),
            _ => Err("a cursor is two numbers, 'epoch-seq'".to_owned()),
        }
    }
}

/// The number of an event in the outbox; grows within a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub i64);

/// News about one job, before it has a place in the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct EventBody {
    pub job: JobId,
    /// Of an event on its way from the outbox: its number there. The stream refuses a number
    /// it has seen, so that a relay that was paused repeats nothing.
    pub outbox: Option<OutboxId>,
    /// The attempt that speaks; the stream refuses an older one.
    pub attempt: u32,
    pub kind: EventKind,
    pub at: Instant,
    /// The kind's own fields; see the protocol's event types.
    pub payload: Value,
}

/// News with its place in the job's stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub cursor: Cursor,
    pub body: EventBody,
}

/// What an event is about. State events come from the outbox, and so does the progress of a job that
/// waits for its children; the others come from the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    State,
    Progress,
    Metrics,
    Log,
    /// What the job's process uses of the machine.
    Resources,
}

impl EventKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Progress => "progress",
            Self::Metrics => "metrics",
            Self::Log => "log",
            Self::Resources => "resources",
        }
    }
}
