use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::JobId;
use crate::job::Queue;

/// A message that says "this queue has work". Lost, doubled or reordered tickets do no harm: the
/// claim decides who runs what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    pub queue: Queue,
    /// The job it was published for; only for tracing.
    pub job: JobId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Moves tickets from publishers to worker slots.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Returns once the broker has taken responsibility for the ticket.
    async fn publish(&self, ticket: Ticket) -> Result<(), BrokerError>;

    /// Like [`Broker::publish`] for many, in as few round trips as the broker allows. After an
    /// error any of them may have been taken.
    async fn publish_all(&self, tickets: Vec<Ticket>) -> Result<(), BrokerError> {
        for ticket in tickets {
            self.publish(ticket).await?;
        }
        Ok(())
    }

    /// One consumer that holds at most `prefetch` tickets it has not acknowledged; at least 1.
    async fn consume(
        &self,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Box<dyn TicketConsumer>, BrokerError>;

    async fn ping(&self) -> Result<(), BrokerError>;
}

#[async_trait]
pub trait TicketConsumer: Send + Sync {
    /// Waits for the next ticket. A delivery dropped without `ack` is delivered again.
    async fn next(&mut self) -> Result<Box<dyn Delivery>, BrokerError>;

    /// A ticket that is here already, if there is one.
    fn next_at_hand(&mut self) -> Option<Box<dyn Delivery>>;
}

#[async_trait]
pub trait Delivery: Send + Sync {
    fn ticket(&self) -> &Ticket;

    /// Whether this ticket was delivered before: its consumer may have died.
    fn redelivered(&self) -> bool;

    async fn ack(self: Box<Self>) -> Result<(), BrokerError>;
}

#[derive(Debug, Error)]
pub enum BrokerError {
    #[error("the broker is not reachable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the broker has no queue '{0}': run `alphafleet migrate`")]
    UnknownQueue(Queue),
    /// A queue of that name is of another type, or was declared by something else.
    #[error(
        "the broker's queue '{queue}' was declared in another way: delete it, or choose another broker.namespace"
    )]
    OtherQueue { queue: String },
    #[error("the broker was shut down")]
    Closed,
}
