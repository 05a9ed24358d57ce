//! The frames of `WS /api/v1/ws/connect`: JSON text, tagged by `type`.

use alphafleet_domain::{Instant, JobId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{LogPayload, MetricsPayload, ResourcesPayload, StatePayload};
use crate::wire::{MetricPointView, ProgressView, SessionState, WireCursor};

/// What a client may say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    /// Follow a session. With the cursor of the last event seen, what came after it is replayed;
    /// with `{"epoch": "0", "seq": 0}` everything is; without one it goes on from now.
    SubscribeSession {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<WireCursor>,
    },
    UnsubscribeSession {
        #[schemars(with = "Uuid")]
        session_id: JobId,
    },
    Ping {},
    /// The answer to a `ping`.
    Pong {},
}

/// What the gateway says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    ConnectionEstablished {
        #[schemars(with = "Uuid")]
        connection_id: Uuid,
        /// A `ping` comes this often; a client that does not answer within another such time is
        /// disconnected.
        heartbeat_s: u64,
        max_subscriptions: u32,
    },
    SessionSubscribed {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        /// Where the session stands now.
        snapshot: SessionSnapshot,
        /// The newest event there is; what is replayed ends with it.
        latest: Option<WireCursor>,
    },
    SessionUnsubscribed {
        #[schemars(with = "Uuid")]
        session_id: JobId,
    },
    /// State or progress changed. Progress that a newer one outdates is left out to a client that
    /// falls behind: then a number is missing in the stream and no `gap` says so.
    SessionStatusUpdate {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        /// Set by an event of state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<StatePayload>,
        /// Set by an event of progress.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<ProgressView>,
    },
    SessionMetricsUpdate {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        #[serde(flatten)]
        metrics: MetricsPayload,
    },
    /// The session ended well. Its last event.
    TrainingCompleted {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        state: StatePayload,
    },
    /// The session failed for good. Its last event.
    TrainingFailed {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        state: StatePayload,
    },
    Log {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        #[serde(flatten)]
        log: LogPayload,
    },
    /// What the processes of the running attempt use.
    SessionResourcesUpdate {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        cursor: WireCursor,
        at: Instant,
        attempt: u32,
        #[serde(flatten)]
        resources: ResourcesPayload,
    },
    /// Events were lost to this client; the stream goes on after `resume_after`.
    Gap {
        #[schemars(with = "Uuid")]
        session_id: JobId,
        resume_after: WireCursor,
        snapshot: SessionSnapshot,
    },
    Ping {},
    /// The answer to a client's `ping`.
    Pong {},
    /// The client's last frame could not be followed; the connection stays.
    Error {
        code: String,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(with = "Option<Uuid>")]
        session_id: Option<JobId>,
    },
}

impl ServerFrame {
    /// The session and place in its stream, of a frame that is an event.
    pub fn event_cursor(&self) -> Option<(JobId, WireCursor)> {
        match self {
            Self::SessionStatusUpdate { session_id, cursor, .. }
            | Self::SessionMetricsUpdate { session_id, cursor, .. }
            | Self::TrainingCompleted { session_id, cursor, .. }
            | Self::TrainingFailed { session_id, cursor, .. }
            | Self::Log { session_id, cursor, .. }
            | Self::SessionResourcesUpdate { session_id, cursor, .. } => {
                Some((*session_id, *cursor))
            }
            _ => None,
        }
    }

    /// The state a frame announces.
    pub fn state(&self) -> Option<&StatePayload> {
        match self {
            Self::SessionStatusUpdate { state, .. } => state.as_ref(),
            Self::TrainingCompleted { state, .. } | Self::TrainingFailed { state, .. } => {
                Some(state)
            }
            _ => None,
        }
    }
}

/// Where a session stands, from the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSnapshot {
    pub state: SessionState,
    pub attempt: u32,
    pub progress: ProgressView,
    /// The newest points, oldest first.
    pub metrics: Vec<MetricPointView>,
}

/// Why the gateway closes a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: the task has ended, and everything was said. Of `WS /ws/train/{id}` alone.
    Done,
    /// 4001: no valid token or ticket.
    Unauthorized,
    /// 4004: there is no such task, or it is someone else's. Of `WS /ws/train/{id}` alone.
    NotFound,
    /// 4008: the client did not keep up, or did not answer the heartbeat.
    TooSlow,
    /// 4029: the user has as many connections as allowed.
    TooManyConnections,
    /// 1001: the gateway shuts down.
    GoingAway,
    /// 1009: a frame over the limit.
    TooLarge,
    /// 1011: a service the gateway needs does not answer; connect again.
    Unavailable,
}

impl CloseCode {
    pub const fn as_u16(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::Unauthorized => 4001,
            Self::NotFound => 4004,
            Self::TooSlow => 4008,
            Self::TooManyConnections => 4029,
            Self::GoingAway => 1001,
            Self::TooLarge => 1009,
            Self::Unavailable => 1011,
        }
    }
}
