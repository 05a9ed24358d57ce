use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// A delivery is out and not yet acknowledged or dropped.
    busy: Arc<AtomicBool>,
}

impl MemoryConsumer {
    pub fn new(shared: Arc<Shared>, queues: Vec<Queue>) -> Self {
        Self { shared, queues, turn: 0, busy: Arc::default() }
    }

    fn take(&mut self) -> Result<Option<Waiting>, BrokerError> {
        let mut lines = self.shared.lock();
        if lines.is_closed() {
            return Err(BrokerError::Closed);
        }
        if self.busy.load(Ordering::Acquire) {
            return Ok(None);
        }
        let Some((number, waiting)) = lines.pop(&self.queues, self.turn) else { return Ok(None) };
        self.turn = number + 1;
        self.busy.store(true, Ordering::Release);
        Ok(Some(waiting))
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
            if let Some(Waiting { ticket, redelivered }) = self.take()? {
                return Ok(Box::new(MemoryDelivery {
                    shared: Arc::clone(&shared),
                    busy: Arc::clone(&self.busy),
                    ticket,
                    redelivered,
                    acknowledged: false,
                }));
            }
            changed.await;
        }
    }
}

struct MemoryDelivery {
    shared: Arc<Shared>,
    busy: Arc<AtomicBool>,
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
        self.busy.store(false, Ordering::Release);
        self.shared.changed.notify_waiters();
    }
}
