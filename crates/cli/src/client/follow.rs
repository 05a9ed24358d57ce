use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_protocol::{ClientFrame, CloseCode, ServerFrame, SessionState, WireCursor};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Api, ClientError};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What following a session brings.
#[derive(Debug, Clone)]
pub enum Followed {
    /// A frame as it came, and what it says.
    Frame { text: String, frame: Box<ServerFrame> },
    /// The connection was lost and is there again.
    Reconnected,
}

/// Follows one session over the WebSocket until it ends: reconnects with back-off, replays what it
/// missed, and counts what was lost for good.
pub struct Follower {
    api: Api,
    session: JobId,
    socket: Option<Socket>,
    cursor: Option<WireCursor>,
    attempts: u32,
    /// Events received.
    pub received: u64,
    /// Holes in the sequence of events, announced ones included.
    pub gaps: u64,
    /// Whether the session's end was seen.
    ended: bool,
}

impl Follower {
    const SILENCE: Duration = Duration::from_secs(90);
    const LONGEST_BACK_OFF: Duration = Duration::from_secs(5);
    const PATIENCE: u32 = 60;

    /// Follows from the session's first event.
    pub fn new(api: Api, session: JobId) -> Self {
        let (received, gaps) = (0, 0);
        Self { api, session, socket: None, cursor: None, attempts: 0, received, gaps, ended: false }
    }

    /// Waits for the next item. `None` after the session's last event.
    pub async fn next(&mut self) -> Result<Option<Followed>, ClientError> {
        while !self.ended {
            let Some(socket) = &mut self.socket else {
                let first = self.cursor.is_none();
                self.connect().await?;
                if first {
                    continue;
                }
                return Ok(Some(Followed::Reconnected));
            };
            match timeout(Self::SILENCE, socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if let Some(followed) = self.text(text.as_str()).await? {
                        return Ok(Some(followed));
                    }
                }
                Ok(Some(Ok(Message::Close(Some(close))))) => self.closed(close.code.into())?,
                Ok(Some(Ok(Message::Close(None)) | Err(_)) | None) | Err(_) => self.lose(),
                Ok(Some(Ok(_))) => {}
            }
        }
        Ok(None)
    }

    async fn text(&mut self, text: &str) -> Result<Option<Followed>, ClientError> {
        let frame: ServerFrame =
            serde_json::from_str(text).map_err(|error| ClientError::Unreadable(error.into()))?;
        if matches!(frame, ServerFrame::Ping {}) {
            self.say(&ClientFrame::Pong {}).await;
            return Ok(None);
        }
        if let ServerFrame::Error { code, message, session_id: Some(_) } = &frame {
            return self.refused(code, message).map(|()| None);
        }
        if !matches!(frame, ServerFrame::ConnectionEstablished { .. }) {
            self.attempts = 0;
        }
        self.count(&frame);
        self.ended = self.ends(&frame);
        Ok(Some(Followed::Frame { text: text.to_owned(), frame: Box::new(frame) }))
    }

    /// The gateway does not follow the session for us: for now, or for good.
    fn refused(&mut self, code: &str, message: &str) -> Result<(), ClientError> {
        if code == "unavailable" {
            self.lose();
            return Ok(());
        }
        Err(ClientError::Refused { code: code.to_owned(), message: message.to_owned() })
    }

    fn closed(&mut self, code: u16) -> Result<(), ClientError> {
        if code == CloseCode::Unauthorized.as_u16() {
            return Err(ClientError::NotLoggedIn);
        }
        if code == CloseCode::TooManyConnections.as_u16() {
            let message = "you have as many open connections as you may".to_owned();
            return Err(ClientError::Refused { code: "too_many_connections".to_owned(), message });
        }
        self.lose();
        Ok(())
    }

    /// The connection is gone; the next one waits its turn.
    fn lose(&mut self) {
        self.socket = None;
        self.attempts += 1;
    }

    fn count(&mut self, frame: &ServerFrame) {
        if let ServerFrame::Gap { resume_after, .. } = frame {
            self.gaps += 1;
            self.cursor = Some(*resume_after);
        }
        if let Some((_, cursor)) = frame.event_cursor() {
            self.received += 1;
            let expected = match self.cursor {
                Some(last) if last.epoch == cursor.epoch => last.seq + 1,
                _ => 1,
            };
            if cursor.seq != expected {
                self.gaps += 1;
            }
            self.cursor = Some(cursor);
        }
    }

    /// Whether this frame is the last that says something about the session.
    fn ends(&self, frame: &ServerFrame) -> bool {
        let state = match frame {
            ServerFrame::Gap { snapshot, .. } => Some(snapshot.state),
            // Unless more is to be replayed before the end.
            ServerFrame::SessionSubscribed { snapshot, latest, .. } => {
                (latest.is_none() || *latest == self.cursor).then_some(snapshot.state)
            }
            event => event.state().map(|state| state.state),
        };
        state.is_some_and(SessionState::is_terminal)
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        loop {
            if self.attempts > 0 {
                let wait = Duration::from_millis(100) * (1 << (self.attempts - 1).min(6));
                sleep_until(Instant::now() + wait.min(Self::LONGEST_BACK_OFF)).await;
            }
            match self.try_connect().await {
                Ok(socket) => {
                    self.socket = Some(socket);
                    return Ok(());
                }
                Err(error) if error.is_callers() || self.attempts >= Self::PATIENCE => {
                    return Err(error);
                }
                Err(_) => self.attempts += 1,
            }
        }
    }

    async fn try_connect(&self) -> Result<Socket, ClientError> {
        let ticket = self.api.socket_ticket().await?.ticket;
        let base = self.api.url().replacen("http", "ws", 1);
        let url = format!("{base}/api/v1/ws/connect?ticket={ticket}");
        let unreachable = |error: tokio_tungstenite::tungstenite::Error| ClientError::Unreachable {
            url: self.api.url().to_owned(),
            source: error.into(),
        };
        let (mut socket, _) = connect_async(url).await.map_err(unreachable)?;
        let cursor = Some(self.cursor.unwrap_or(WireCursor::START));
        let subscribe = ClientFrame::SubscribeSession { session_id: self.session, cursor };
        socket.send(message(&subscribe)?).await.map_err(unreachable)?;
        Ok(socket)
    }

    async fn say(&mut self, frame: &ClientFrame) {
        if let (Some(socket), Ok(message)) = (&mut self.socket, message(frame))
            && socket.send(message).await.is_err()
        {
            self.lose();
        }
    }
}

fn message(frame: &ClientFrame) -> Result<Message, ClientError> {
    let text =
        serde_json::to_string(frame).map_err(|error| ClientError::Unreadable(error.into()))?;
    Ok(Message::text(text))
}
