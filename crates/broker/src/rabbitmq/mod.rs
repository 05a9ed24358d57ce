mod consumer;
mod delivery;
mod link;
mod publisher;
mod settings;
mod topology;

use std::sync::Arc;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket, TicketConsumer};
use async_trait::async_trait;

use consumer::RabbitConsumer;
use link::Link;
use publisher::Publisher;
use topology::Topology;

pub use settings::{QueueType, RabbitSettings, SettingsError};

/// Tickets over RabbitMQ 3.10 and later: durable queues, persistent messages, confirmations, late
/// acknowledgement.
///
/// Nothing needs the server to be there at the start. One connection serves the process; it is
/// opened when first needed and again when it is lost, with waits of at most a second. Calls
/// meanwhile fail with [`BrokerError::Unavailable`] within the settings' patience. What the server
/// forgets while it is away is declared again.
pub struct RabbitBroker {
    link: Arc<Link>,
    topology: Topology,
    publisher: Publisher,
}

impl RabbitBroker {
    pub fn new(settings: RabbitSettings) -> Result<Self, SettingsError> {
        let link = Arc::new(Link::new(&settings)?);
        let topology = Topology::new(&settings);
        let publisher = Publisher::new(Arc::clone(&link), topology.clone());
        Ok(Self { link, topology, publisher })
    }

    /// Declares exchanges, these queues, and the queue of dead letters. To be done at deployment:
    /// a quorum queue that is some seconds old bears the loss of a node.
    pub async fn declare_topology(&self, queues: &[Queue]) -> Result<(), BrokerError> {
        self.topology.declare(&self.link, queues).await
    }

    /// Ends the connection; everything is refused from now on.
    pub async fn close(&self) {
        self.link.close().await;
    }
}

#[async_trait]
impl Broker for RabbitBroker {
    async fn publish(&self, ticket: Ticket) -> Result<(), BrokerError> {
        self.publisher.publish(&[ticket]).await
    }

    async fn publish_all(&self, tickets: Vec<Ticket>) -> Result<(), BrokerError> {
        self.publisher.publish(&tickets).await
    }

    async fn consume(
        &self,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Box<dyn TicketConsumer>, BrokerError> {
        let consumer = RabbitConsumer::open(&self.link, &self.topology, queues, prefetch).await?;
        Ok(Box::new(consumer))
    }

    /// Whether the server opens a channel.
    async fn ping(&self) -> Result<(), BrokerError> {
        let channel = self.link.channel().await?;
        link::within(self.link.patience(), channel.close(200, "it answers".into())).await
    }
}
