use std::pin::pin;
use std::sync::Arc;

use alphafleet_domain::Cursor;
use alphafleet_domain::ports::{Subscription, SubscriptionItem};
use async_trait::async_trait;

use super::stream::{Read, Stream};

/// A place in a stream. What comes next is read where it lies, so replay and live are one.
pub(super) struct MemorySubscription {
    stream: Arc<Stream>,
    seen: u64,
    /// Something was lost before the first read.
    lost: bool,
}

impl MemorySubscription {
    pub fn new(stream: Arc<Stream>, cursor: Option<Cursor>) -> Self {
        let (seen, lost) = stream.place(cursor);
        Self { stream, seen, lost }
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next(&mut self) -> Option<SubscriptionItem> {
        loop {
            // Listening starts before looking, so that nothing slips through in between.
            let mut grown = pin!(self.stream.grown.notified());
            grown.as_mut().enable();
            match self.stream.read(&mut self.seen, &mut self.lost) {
                Read::Item(item) => return Some(item),
                Read::End => return None,
                Read::Nothing => grown.await,
            }
        }
    }
}
