use alphafleet_domain::JobId;
use alphafleet_protocol::{ClientFrame, ServerFrame, WireCursor};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::harness::{DEADLINE, Harness};

pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub response: Response,
    /// Whether pings of the gateway are answered.
    pub answers: bool,
}

/// What a client hears.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Heard {
    Frame(ServerFrame),
    Closed(Option<u16>),
}

impl Socket {
    pub fn request(gateway: &Harness, query: &str) -> Request {
        Self::request_to(gateway, &format!("/api/v1/ws/connect{query}"))
    }

    pub fn request_to(gateway: &Harness, path: &str) -> Request {
        let base = gateway.base.replace("http://", "ws://");
        format!("{base}{path}").into_client_request().unwrap()
    }

    pub async fn open(request: Request) -> Self {
        let (stream, response) = timeout(DEADLINE, connect_async(request)).await.unwrap().unwrap();
        Self { stream, response, answers: true }
    }

    /// A greeted socket of the token's user.
    pub async fn connect(gateway: &Harness, token: &str) -> Self {
        let mut socket = Self::open(Self::request(gateway, &format!("?token={token}"))).await;
        match socket.next().await {
            Heard::Frame(ServerFrame::ConnectionEstablished { .. }) => socket,
            other => panic!("{other:?}"),
        }
    }

    pub async fn with_ticket(gateway: &Harness, token: &str) -> (Self, String) {
        let ticket = gateway.post(token, "/api/v1/ws/ticket", json!({})).await.expect(200);
        let query = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
        (Self::open(Self::request(gateway, &query)).await, query)
    }

    /// The next frame that is no ping, or the end.
    pub async fn next(&mut self) -> Heard {
        loop {
            let message = timeout(DEADLINE, self.stream.next()).await.expect("nothing was heard");
            match message {
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                    ServerFrame::Ping {} if self.answers => self.say(&ClientFrame::Pong {}).await,
                    ServerFrame::Ping {} => {}
                    frame => return Heard::Frame(frame),
                },
                Some(Ok(Message::Close(frame))) => {
                    return Heard::Closed(frame.map(|frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed | Error::Protocol(_) | Error::Io(_))) => {
                    return Heard::Closed(None);
                }
                Some(Err(error)) => panic!("{error}"),
            }
        }
    }

    pub async fn frame(&mut self) -> ServerFrame {
        match self.next().await {
            Heard::Frame(frame) => frame,
            Heard::Closed(code) => panic!("closed with {code:?}"),
        }
    }

    /// Reads on until the gateway closes.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Heard::Closed(code) = self.next().await {
                return code;
            }
        }
    }

    pub async fn say(&mut self, frame: &ClientFrame) {
        self.text(serde_json::to_string(frame).unwrap()).await;
    }

    pub async fn text(&mut self, text: String) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// Follows a session, and answers the frame that confirms it.
    pub async fn subscribe(&mut self, id: JobId, cursor: Option<WireCursor>) -> ServerFrame {
        self.say(&ClientFrame::SubscribeSession { session_id: id, cursor }).await;
        self.frame().await
    }

    /// The code of the error that must come next.
    pub async fn error(&mut self) -> String {
        match self.frame().await {
            ServerFrame::Error { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    /// Seqs of the next `count` events.
    pub async fn seqs(&mut self, count: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            let frame = self.frame().await;
            let (_, cursor) = frame.event_cursor().unwrap_or_else(|| panic!("{frame:?}"));
            seqs.push(cursor.seq);
        }
        seqs
    }
}
