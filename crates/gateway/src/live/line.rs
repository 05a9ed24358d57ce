use std::sync::{Arc, Weak};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseReason, ProtocolError};
use alphafleet_protocol::CloseCode;
use bytes::Bytes;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::admission::PROTOCOL;
use super::body::FrameBody;
use super::hangup::Hangup;
use super::queue::ClientQueue;
use super::wire;
use crate::error::ApiError;
use crate::settings::SocketSettings;

/// How long a client may take to read the closing frame.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a socket ends: with a code of ours, or because the client went.
pub(super) type Ended = Option<CloseCode>;

/// The gateway's end of one WebSocket: what is said goes into the queue, what is heard comes from
/// the stream.
pub(super) struct Line {
    pub queue: Arc<ClientQueue>,
    stream: AggregatedMessageStream,
    last_heard: Instant,
    last_ping: Option<Instant>,
    /// Of the connection, as long as it is there.
    hangup: Weak<Hangup>,
}

impl Line {
    /// Shakes hands. What is written into the queue goes out once the answer is returned.
    pub fn open(
        request: &HttpRequest,
        payload: web::Payload,
        settings: &SocketSettings,
    ) -> Result<(HttpResponse, Self), ApiError> {
        let opened = actix_ws::handle_with_protocols(request, payload, &[PROTOCOL]);
        let (response, _, stream) = opened.map_err(|_| {
            let detail = "Connect with a WebSocket client.";
            ApiError::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail)
        })?;
        let queue = Arc::new(ClientQueue::new(settings.queue_frames, settings.queue_bytes));
        let writer = queue.clone();
        let response =
            response.map_body(|_, ends| FrameBody::new(writer, ends)).map_into_boxed_body();
        let hangup = request.conn_data::<Arc<Hangup>>().map(Arc::downgrade).unwrap_or_default();
        let largest = settings.max_frame_bytes;
        let stream =
            stream.max_frame_size(largest).aggregate_continuations().max_continuation_size(largest);
        Ok((response, Self { queue, stream, last_heard: Instant::now(), last_ping: None, hangup }))
    }

    /// The client's next message. Answers its pings.
    pub async fn hear(&mut self) -> Result<AggregatedMessage, Ended> {
        match self.stream.recv().await {
            None => Err(None),
            Some(Err(ProtocolError::Overflow)) => Err(Some(CloseCode::TooLarge)),
            Some(Err(error)) => {
                debug!(%error, "a socket broke");
                Err(None)
            }
            Some(Ok(AggregatedMessage::Close(_))) => Err(None),
            Some(Ok(message)) => {
                self.last_heard = Instant::now();
                if let AggregatedMessage::Ping(payload) = &message {
                    self.queue.push_own(wire::pong(payload.clone()));
                }
                Ok(message)
            }
        }
    }

    /// Says `ping`, unless the last one found a silent client.
    pub fn beat(&mut self, ping: Bytes) -> Result<(), Ended> {
        if self.last_ping.is_some_and(|ping| self.last_heard < ping) {
            return Err(Some(CloseCode::TooSlow));
        }
        self.last_ping = Some(Instant::now());
        self.queue.push_own(ping);
        Ok(())
    }

    /// Closes, waits a moment for the client to read it, and cuts off one that does not.
    pub async fn close(self, ended: Ended) {
        match ended {
            Some(CloseCode::Done) => self.queue.finish(closing(CloseCode::Done)),
            Some(code) => self.queue.close(closing(code)),
            // The answer to the client's own close.
            None => self.queue.close(wire::close(None)),
        }
        if timeout(FAREWELL, self.queue.ended()).await.is_err()
            && let Some(hangup) = self.hangup.upgrade()
        {
            hangup.cut();
        }
    }

    /// Closes without having been of use.
    pub fn refuse(self, code: CloseCode) {
        self.queue.close(closing(code));
    }
}

fn closing(code: CloseCode) -> Bytes {
    let words = match code {
        CloseCode::Done => "the task has ended",
        CloseCode::Unauthorized => "no valid token or ticket",
        CloseCode::NotFound => "no such task",
        CloseCode::TooSlow => "the client did not keep up",
        CloseCode::TooManyConnections => "too many connections",
        CloseCode::GoingAway => "the gateway shuts down",
        CloseCode::TooLarge => "the frame is too large",
        CloseCode::Unavailable => "a service is away; connect again",
    };
    let description = Some(words.to_owned());
    wire::close(Some(CloseReason { code: code.as_u16().into(), description }))
}
