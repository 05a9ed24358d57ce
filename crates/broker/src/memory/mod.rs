mod consumer;
mod queues;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket, TicketConsumer};
use async_trait::async_trait;
use tokio::sync::Notify;

use consumer::MemoryConsumer;
use queues::Queues;

/// Tickets within one process. Clones share one broker.
///
/// A ticket is only a hint that its queue has work, so a queue that holds `max_waiting` of them
/// takes no more: the hint is given already, and what waits in the database is found by the
/// dispatcher. Memory stays bounded whatever is published.
#[derive(Debug, Clone)]
pub struct MemoryBroker {
    shared: Arc<Shared>,
}

impl MemoryBroker {
    /// Waiting tickets a queue holds at most, unless asked otherwise.
    pub const MAX_WAITING: usize = 10_000;

    pub fn new() -> Self {
        Self::with_max_waiting(Self::MAX_WAITING)
    }

    /// `max_waiting` is at least 1.
    pub fn with_max_waiting(max_waiting: usize) -> Self {
        let queues = Mutex::new(Queues::new(max_waiting.max(1)));
        Self { shared: Arc::new(Shared { queues, changed: Notify::new() }) }
    }

    /// Ends every wait and refuses everything from now on; what waits is forgotten.
    pub fn close(&self) {
        self.shared.lock().close();
        self.shared.changed.notify_waiters();
    }

    /// Tickets that wait in `queue`, without those being worked on.
    pub fn waiting(&self, queue: &Queue) -> usize {
        self.shared.lock().waiting(queue)
    }
}

impl Default for MemoryBroker {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, ticket: Ticket) -> Result<(), BrokerError> {
        self.shared.lock().push(ticket)?;
        self.shared.changed.notify_waiters();
        Ok(())
    }

    async fn consume(
        &self,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Box<dyn TicketConsumer>, BrokerError> {
        self.ping().await?;
        let shared = Arc::clone(&self.shared);
        Ok(Box::new(MemoryConsumer::new(shared, queues.to_vec(), prefetch)))
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        if self.shared.lock().is_closed() { Err(BrokerError::Closed) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct Shared {
    queues: Mutex<Queues>,
    /// Something may be there for those who wait: a ticket, a free consumer, the end.
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        // Nothing panics while it holds the lock, and the queues are whole at every step.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
