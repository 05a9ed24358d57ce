use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::BrokerError;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

use super::link::{Link, within};
use super::{QueueType, RabbitSettings};

/// Tickets a queue holds at most: they are hints, and who comes first is not theirs to say. The
/// oldest go first.
const MAX_TICKETS: i64 = 1_000_000;
const MAX_DEAD: i64 = 10_000;

/// How long a consumer may hold a ticket before the server takes it back. From RabbitMQ 3.12 a
/// queue can say so itself; older ones pass over it.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// What exchanges and queues are called, and how they are declared.
#[derive(Debug, Clone)]
pub(super) struct Topology {
    namespace: String,
    queue_type: QueueType,
}

impl Topology {
    pub fn new(settings: &RabbitSettings) -> Self {
        Self { namespace: settings.namespace.clone(), queue_type: settings.queue_type }
    }

    pub fn exchange(&self) -> ShortString {
        self.named("tickets")
    }

    pub fn queue(&self, queue: &Queue) -> ShortString {
        self.named(queue.as_str())
    }

    /// Where malformed tickets end.
    pub fn dead_letters(&self) -> ShortString {
        self.named("dead")
    }

    fn named(&self, name: &str) -> ShortString {
        format!("{}.{name}", self.namespace).as_str().into()
    }

    /// Declares the exchanges, the queues and their bindings; what is there already stays.
    pub async fn declare(&self, link: &Link, queues: &[Queue]) -> Result<(), BrokerError> {
        let channel = link.channel().await?;
        let patience = link.patience();
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let (tickets, dead) = (self.exchange(), self.dead_letters());
        let none = FieldTable::default;
        let exchange = |name, kind| channel.exchange_declare(name, kind, durable, none());
        within(patience, exchange(tickets.clone(), ExchangeKind::Direct)).await?;
        within(patience, exchange(dead.clone(), ExchangeKind::Fanout)).await?;
        self.declare_queue(&channel, patience, &dead, self.bounded(MAX_DEAD)).await?;
        let bind = |queue, exchange, key| {
            channel.queue_bind(queue, exchange, key, QueueBindOptions::default(), none())
        };
        within(patience, bind(dead.clone(), dead.clone(), "".into())).await?;
        for queue in queues {
            let name = self.queue(queue);
            self.declare_queue(&channel, patience, &name, self.of_tickets()).await?;
            within(patience, bind(name.clone(), tickets.clone(), name)).await?;
        }
        within(patience, channel.close(200, "declared".into())).await
    }

    async fn declare_queue(
        &self,
        channel: &Channel,
        patience: Duration,
        name: &ShortString,
        arguments: FieldTable,
    ) -> Result<(), BrokerError> {
        let durable = QueueDeclareOptions { durable: true, ..Default::default() };
        let declared = within(patience, channel.queue_declare(name.clone(), durable, arguments));
        match declared.await {
            Ok(_) => Ok(()),
            Err(error) if is_protocol(&error, PRECONDITION_FAILED) => {
                Err(BrokerError::OtherQueue { queue: name.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    fn of_tickets(&self) -> FieldTable {
        let mut arguments = self.bounded(MAX_TICKETS);
        let millis = i64::try_from(CONSUMER_TIMEOUT.as_millis()).unwrap_or(i64::MAX);
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(millis));
        let dead = self.dead_letters().to_string();
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(dead.into()));
        arguments
    }

    fn bounded(&self, length: i64) -> FieldTable {
        let mut arguments = FieldTable::default();
        let kind = AMQPValue::LongString(self.queue_type.name().into());
        arguments.insert("x-queue-type".into(), kind);
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(length));
        arguments
    }
}

const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// Whether the server says that there is no such queue or exchange.
pub(super) fn is_missing(error: &BrokerError) -> bool {
    is_protocol(error, NOT_FOUND)
}

fn is_protocol(error: &BrokerError, code: u16) -> bool {
    let BrokerError::Unavailable(source) = error else { return false };
    match source.downcast_ref::<lapin::Error>().map(lapin::Error::kind) {
        Some(ErrorKind::ProtocolError(said)) => said.get_id() == code,
        _ => false,
    }
}
