use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;

use super::queue::ClientQueue;

/// The body of a WebSocket's answer: whatever its queue hands out. The server asks for more as
/// long as there is room in its write buffer, and then writes all of it at once.
pub(super) struct FrameBody {
    queue: Arc<ClientQueue>,
    /// Tells the reading side when the connection ends, by being dropped.
    _ends: BoxBody,
}

impl FrameBody {
    pub fn new(queue: Arc<ClientQueue>, ends: BoxBody) -> Self {
        Self { queue, _ends: ends }
    }
}

impl MessageBody for FrameBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.queue.poll_bytes(context).map(|bytes| bytes.map(Ok))
    }
}

impl Drop for FrameBody {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}
