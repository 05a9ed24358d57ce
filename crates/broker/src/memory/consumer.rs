use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{BrokerError, Delivery, Ticket, TicketConsumer};
use async_trait::async_trait;

use super::Shared;
use super::queues::Waiting;

/// Serves its queues in turn, so that a busy one does not starve the others.
pub(super) struct MemoryConsumer {
    shared: Arc<Shared>,
    queues: Vec<Queue>,
    /// The queue that is asked first.
    turn: usize,
    prefetch: u16,
    /// Deliveries that are out and not yet acknowledged or dropped.
    out: Arc<AtomicU16>,
}

impl MemoryConsumer {
    pub fn new(shared: Arc<Shared>, queues: Vec<Queue>, prefetch: u16) -> Self {
        Self { shared, queues, turn: 0, prefetch: prefetch.max(1), out: Arc::default() }
    }

    fn take(&mut self) -> Result<Option<Box<dyn Delivery>>, BrokerError> {
        let mut lines = self.shared.lock();
        if lines.is_closed() {
            return Err(BrokerError::Closed);
        }
        if self.out.load(Ordering::Acquire) >= self.prefetch {
            return Ok(None);
        }
        let Some((number, waiting)) = lines.pop(&self.queues, self.turn) else { return Ok(None) };
        self.turn = number + 1;
        self.out.fetch_add(1, Ordering::AcqRel);
        let Waiting { ticket, redelivered } = waiting;
        Ok(Some(Box::new(MemoryDelivery {
            shared: Arc::clone(&self.shared),
            out: Arc::clone(&self.out),
            ticket,
            redelivered,
            acknowledged: false,
        })))
    }
}

#[async_trait]
impl TicketConsumer for MemoryConsumer {
    async fn next(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        let shared = Arc::clone(&self.shared);
        loop {
            // Listening starts before looking, so that nothing slips through in between.
            let mut changed = pin!(shared.changed.notified());
            changed.as_mut().enable();
            if let Some(delivery) = self.take()? {
                return Ok(delivery);
            }
            changed.await;
        }
    }

    fn next_at_hand(&mut self) -> Option<Box<dyn Delivery>> {
        self.take().ok().flatten()
    }
}

struct MemoryDelivery {
    shared: Arc<Shared>,
    out: Arc<AtomicU16>,
    ticket: Ticket,
    redelivered: bool,
    acknowledged: bool,
}

#[async_trait]
impl Delivery for MemoryDelivery {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    async fn ack(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.acknowledged = true;
        Ok(())
    }
}

impl Drop for MemoryDelivery {
    fn drop(&mut self) {
        if !self.acknowledged {
            self.shared.lock().put_back(self.ticket.clone());
        }
        self.out.fetch_sub(1, Ordering::AcqRel);
        self.shared.changed.notify_waiters();
    }
}
