use alphafleet_domain::ports::{BrokerError, Delivery, Ticket};
use async_trait::async_trait;
use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::sync::OwnedSemaphorePermit;

use super::consumer::spawn;

pub(super) struct RabbitDelivery {
    ticket: Ticket,
    redelivered: bool,
    acker: Acker,
    settled: bool,
    _place: OwnedSemaphorePermit,
}

impl RabbitDelivery {
    pub const fn new(
        ticket: Ticket,
        redelivered: bool,
        acker: Acker,
        place: OwnedSemaphorePermit,
    ) -> Self {
        Self { ticket, redelivered, acker, settled: false, _place: place }
    }
}

#[async_trait]
impl Delivery for RabbitDelivery {
    fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    fn redelivered(&self) -> bool {
        self.redelivered
    }

    /// On a channel that is lost there is nobody to tell: the ticket comes again, and finds that
    /// its job needs no one.
    async fn ack(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.settled = true;
        let _ = self.acker.ack(BasicAckOptions::default()).await;
        Ok(())
    }
}

impl Drop for RabbitDelivery {
    fn drop(&mut self) {
        if !self.settled && self.acker.usable() {
            let acker = self.acker.clone();
            spawn(async move {
                let requeue = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
                let _ = acker.nack(requeue).await;
            });
        }
    }
}
