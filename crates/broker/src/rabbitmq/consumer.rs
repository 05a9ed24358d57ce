use std::sync::Arc;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{BrokerError, Delivery, Ticket, TicketConsumer};
use async_trait::async_trait;
use futures::stream::{SelectAll, select_all};
use futures::{FutureExt, StreamExt};
use lapin::options::{BasicConsumeOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::warn;

use super::delivery::RabbitDelivery;
use super::link::{Link, unavailable, within};
use super::topology::{Topology, is_missing};

/// A channel of its own. When that is lost, so is the consumer: whoever has it opens another.
pub(super) struct RabbitConsumer {
    channel: Channel,
    streams: SelectAll<Consumer>,
    /// What may still be handed out. The server counts for each queue, this for all of them.
    free: Arc<Semaphore>,
}

impl RabbitConsumer {
    pub async fn open(
        link: &Link,
        topology: &Topology,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Self, BrokerError> {
        match Self::start(link, topology, queues, prefetch).await {
            // The server lost its data while we were running.
            Err(error) if is_missing(&error) => {
                topology.declare(link, queues).await?;
                Self::start(link, topology, queues, prefetch).await
            }
            opened => opened,
        }
    }

    async fn start(
        link: &Link,
        topology: &Topology,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Self, BrokerError> {
        let (patience, prefetch) = (link.patience(), prefetch.max(1));
        let channel = link.channel().await?;
        within(patience, channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let mut streams = Vec::with_capacity(queues.len());
        for queue in queues {
            let (name, options) = (topology.queue(queue), BasicConsumeOptions::default());
            let consuming = channel.basic_consume(name, "".into(), options, FieldTable::default());
            streams.push(within(patience, consuming).await?);
        }
        let free = Arc::new(Semaphore::new(usize::from(prefetch)));
        Ok(Self { channel, streams: select_all(streams), free })
    }

    /// What came, made into a ticket; `None` when it is none.
    fn take(
        &self,
        came: Option<lapin::Result<lapin::message::Delivery>>,
        place: OwnedSemaphorePermit,
    ) -> Result<Option<Box<dyn Delivery>>, BrokerError> {
        let delivery = match came {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return Err(unavailable(error)),
            None => return Err(unavailable("the server ended the consumer")),
        };
        match serde_json::from_slice::<Ticket>(&delivery.data) {
            Ok(ticket) => {
                let redelivered = delivery.redelivered;
                let delivery = RabbitDelivery::new(ticket, redelivered, delivery.acker, place);
                Ok(Some(Box::new(delivery)))
            }
            Err(error) => {
                warn!(%error, queue = %delivery.routing_key, "a malformed ticket is put aside");
                let acker = delivery.acker;
                spawn(async move {
                    let _ = acker.reject(BasicRejectOptions { requeue: false }).await;
                });
                Ok(None)
            }
        }
    }
}

#[async_trait]
impl TicketConsumer for RabbitConsumer {
    async fn next(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        loop {
            let free = Arc::clone(&self.free).acquire_owned();
            let place = free.await.map_err(|_| BrokerError::Closed)?;
            let came = self.streams.next().await;
            if let Some(delivery) = self.take(came, place)? {
                return Ok(delivery);
            }
        }
    }

    fn next_at_hand(&mut self) -> Option<Box<dyn Delivery>> {
        loop {
            let place = Arc::clone(&self.free).try_acquire_owned().ok()?;
            // A lost channel is `next`'s to tell.
            let came = self.streams.next().now_or_never().flatten().filter(Result::is_ok)?;
            if let Some(delivery) = self.take(Some(came), place).ok()? {
                return Some(delivery);
            }
        }
    }
}

impl Drop for RabbitConsumer {
    /// What it holds goes back to the queue.
    fn drop(&mut self) {
        let channel = self.channel.clone();
        spawn(async move {
            let _ = channel.close(200, "the consumer is gone".into()).await;
        });
    }
}

/// Does something on the way out; without a runtime the connection ends anyway.
pub(super) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(work);
    }
}
