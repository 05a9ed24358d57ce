use alphafleet_domain::{Cursor, Event, EventKind, JobId};
use alphafleet_protocol::{ServerFrame, SessionState, StatePayload};
use bytestring::ByteString;
use serde::de::DeserializeOwned;

/// An event as it goes to clients: written once, its bytes shared by all of them.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub job: JobId,
    pub cursor: Cursor,
    /// Changes of state are never dropped.
    pub is_state: bool,
    pub text: ByteString,
}

impl TryFrom<&Event> for Frame {
    type Error = serde_json::Error;

    fn try_from(event: &Event) -> Result<Self, Self::Error> {
        let text = serde_json::to_string(&server_frame(event)?)?.into();
        let is_state = event.body.kind == EventKind::State;
        Ok(Self { job: event.body.job, cursor: event.cursor, is_state, text })
    }
}

fn server_frame(event: &Event) -> Result<ServerFrame, serde_json::Error> {
    let body = &event.body;
    let (session_id, at, attempt) = (body.job, body.at, body.attempt);
    let cursor = event.cursor.into();
    Ok(match body.kind {
        EventKind::State => {
            let state: StatePayload = payload(event)?;
            match state.state {
                SessionState::Completed => {
                    ServerFrame::TrainingCompleted { session_id, cursor, at, attempt, state }
                }
                SessionState::Failed => {
                    ServerFrame::TrainingFailed { session_id, cursor, at, attempt, state }
                }
                _ => ServerFrame::SessionStatusUpdate {
                    session_id,
                    cursor,
                    at,
                    attempt,
                    state: Some(state),
                    progress: None,
                },
            }
        }
        EventKind::Progress => ServerFrame::SessionStatusUpdate {
            session_id,
            cursor,
            at,
            attempt,
            state: None,
            progress: Some(payload(event)?),
        },
        EventKind::Metrics => {
            let metrics = payload(event)?;
            ServerFrame::SessionMetricsUpdate { session_id, cursor, at, attempt, metrics }
        }
        EventKind::Log => {
            ServerFrame::Log { session_id, cursor, at, attempt, log: payload(event)? }
        }
    })
}

fn payload<T: DeserializeOwned>(event: &Event) -> Result<T, serde_json::Error> {
    T::deserialize(&event.body.payload)
}
