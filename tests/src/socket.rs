use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::Client;

/// One WebSocket of a user.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens with a one-time ticket.
    pub async fn open(client: &Client) -> Self {
        let ticket = client.post("/api/v1/ws/ticket", json!({})).await.ok();
        Self::open_with(client, &format!("ticket={}", ticket["ticket"].as_str().unwrap())).await
    }

    /// Opens with a one-time ticket; `None` when the gateway is away.
    pub async fn try_open(client: &Client) -> Option<Self> {
        let ticket = client.try_post("/api/v1/ws/ticket", json!({})).await?;
        let url = client.url.replacen("http", "ws", 1);
        let query = format!("ticket={}", ticket.body["ticket"].as_str()?);
        let (socket, _) = connect_async(format!("{url}/api/v1/ws/connect?{query}")).await.ok()?;
        Some(Self(socket))
    }

    /// Opens with this query.
    pub async fn open_with(client: &Client, query: &str) -> Self {
        let url = client.url.replacen("http", "ws", 1);
        let (socket, _) = connect_async(format!("{url}/api/v1/ws/connect?{query}")).await.unwrap();
        Self(socket)
    }

    pub async fn say(&mut self, frame: Value) {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Like [`Socket::subscribe`]; `false` when the connection is lost.
    pub async fn try_subscribe(&mut self, session: &str, cursor: Option<&Value>) -> bool {
        self.0.send(subscription(session, cursor)).await.is_ok()
    }

    /// Follows a session from after `cursor`; `None` is from its first event.
    pub async fn subscribe(&mut self, session: &str, cursor: Option<&Value>) {
        self.0.send(subscription(session, cursor)).await.unwrap();
    }

    /// The next frame but pings; the close code in `close` when the socket is closed.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = timeout(Duration::from_secs(60), self.0.next()).await;
            match message.expect("a frame comes") {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(text.as_str()).unwrap();
                    if frame["type"] == "ping" {
                        let pong = Message::text(json!({ "type": "pong" }).to_string());
                        if self.0.send(pong).await.is_err() {
                            return json!({ "close": null });
                        }
                        continue;
                    }
                    return frame;
                }
                Some(Ok(Message::Close(close))) => {
                    return json!({ "close": close.map(|close| u16::from(close.code)) });
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return json!({ "close": null }),
            }
        }
    }
}

fn subscription(session: &str, cursor: Option<&Value>) -> Message {
    let start = json!({ "epoch": "0", "seq": 0 });
    let cursor = cursor.unwrap_or(&start);
    let frame = json!({ "type": "subscribe_session", "session_id": session, "cursor": cursor });
    Message::text(frame.to_string())
}
