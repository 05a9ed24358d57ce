//! Frames as they stand on the wire. A server's frames carry no mask, so that the same bytes do for
//! every client.

use actix_http::ws::{CloseReason, Codec, Message};
use bytes::{Bytes, BytesMut};
use tokio_util::codec::Encoder;

/// Writes a text frame behind what `to` holds.
pub(super) fn write_text(text: String, to: &mut BytesMut) {
    encode(Message::Text(text.into()), to);
}

pub(super) fn text(text: String) -> Bytes {
    frame(Message::Text(text.into()))
}

pub(super) fn ping() -> Bytes {
    frame(Message::Ping(Bytes::new()))
}

/// The answer to a client's ping; the codec lets no ping in that is longer than a control frame.
pub(super) fn pong(payload: Bytes) -> Bytes {
    frame(Message::Pong(payload))
}

pub(super) fn close(reason: Option<CloseReason>) -> Bytes {
    frame(Message::Close(reason))
}

fn frame(message: Message) -> Bytes {
    let mut bytes = BytesMut::new();
    encode(message, &mut bytes);
    bytes.freeze()
}

fn encode(message: Message, to: &mut BytesMut) {
    // Only continuations out of turn are refused, and there are none.
    let _ = Codec::new().encode(message, to);
}
