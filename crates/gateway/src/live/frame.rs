use alphafleet_domain::{Event, EventKind};
use alphafleet_protocol::{ServerFrame, SessionState, StatePayload};
use serde::de::DeserializeOwned;

/// The frame an event goes to clients as.
pub(super) fn frame_text(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&server_frame(event)?)
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
        EventKind::Resources => {
            let resources = payload(event)?;
            ServerFrame::SessionResourcesUpdate { session_id, cursor, at, attempt, resources }
        }
    })
}

fn payload<T: DeserializeOwned>(event: &Event) -> Result<T, serde_json::Error> {
    T::deserialize(&event.body.payload)
}
