use std::sync::Arc;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{BrokerError, Ticket};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel};
use lapin::{Confirmation, PublisherConfirm};
use tokio::sync::Mutex;

use super::link::{Link, unavailable, within};
use super::topology::{Topology, is_missing};

/// Tickets sent before their confirmations are waited for.
const IN_FLIGHT: usize = 1_000;

const PERSISTENT: u8 = 2;

/// Publishes on one channel with confirmations, opened again when it is lost.
pub(super) struct Publisher {
    link: Arc<Link>,
    topology: Topology,
    channel: Mutex<Option<Channel>>,
}

impl Publisher {
    pub fn new(link: Arc<Link>, topology: Topology) -> Self {
        Self { link, topology, channel: Mutex::default() }
    }

    /// Answers once the server has taken responsibility for every ticket.
    pub async fn publish(&self, tickets: &[Ticket]) -> Result<(), BrokerError> {
        for tickets in tickets.chunks(IN_FLIGHT) {
            match self.send(tickets).await {
                Err(BrokerError::UnknownQueue(_)) => {}
                Err(error) if is_missing(&error) => {}
                done => {
                    done?;
                    continue;
                }
            }
            // The server lost its data while we were running.
            self.topology.declare(&self.link, &queues(tickets)).await?;
            self.send(tickets).await?;
        }
        Ok(())
    }

    async fn send(&self, tickets: &[Ticket]) -> Result<(), BrokerError> {
        let channel = self.channel().await?;
        let sent = self.send_on(&channel, tickets).await;
        if let Err(BrokerError::Unavailable(_)) = sent {
            *self.channel.lock().await = None;
        }
        sent
    }

    async fn send_on(&self, channel: &Channel, tickets: &[Ticket]) -> Result<(), BrokerError> {
        let patience = self.link.patience();
        let mut confirms = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            confirms.push(within(patience, self.start(channel, ticket)).await?);
        }
        let mut unroutable = None;
        for (confirm, ticket) in confirms.into_iter().zip(tickets) {
            match within(patience, confirm).await? {
                // One that no queue took reads as acknowledged all the same.
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                    unroutable.get_or_insert_with(|| ticket.queue.clone());
                }
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    return Err(unavailable("the server did not take a ticket"));
                }
            }
        }
        unroutable.map_or(Ok(()), |queue| Err(BrokerError::UnknownQueue(queue)))
    }

    async fn start(&self, channel: &Channel, ticket: &Ticket) -> lapin::Result<PublisherConfirm> {
        let body = serde_json::to_vec(ticket).map_err(std::io::Error::other)?;
        let mandatory = BasicPublishOptions { mandatory: true, ..Default::default() };
        let (exchange, key) = (self.topology.exchange(), self.topology.queue(&ticket.queue));
        channel.basic_publish(exchange, key, mandatory, &body, properties(ticket)).await
    }

    async fn channel(&self) -> Result<Channel, BrokerError> {
        let mut kept = self.channel.lock().await;
        if let Some(channel) = kept.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let channel = self.link.channel().await?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default());
        within(self.link.patience(), confirming).await?;
        Ok(kept.insert(channel).clone())
    }
}

fn properties(ticket: &Ticket) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &ticket.traceparent {
        let value = AMQPValue::LongString(traceparent.as_str().into());
        headers.insert("traceparent".into(), value);
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_message_id(ticket.job.to_string().as_str().into())
        .with_headers(headers)
}

fn queues(tickets: &[Ticket]) -> Vec<Queue> {
    let mut queues: Vec<Queue> = tickets.iter().map(|ticket| ticket.queue.clone()).collect();
    queues.sort();
    queues.dedup();
    queues
}
