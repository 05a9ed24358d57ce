use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::Job;
use alphafleet_domain::job::JobState;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket};
use tokio::time::timeout;
use tracing::warn;

use crate::OutboxRelay;

/// Tells the world at once what the database knows: publishes a job's state events and, if it
/// waits for a worker, its ticket. All of it is for speed only; what fails or hangs here is done
/// again by the [`OutboxRelay`]'s and the [`Dispatcher`](crate::Dispatcher)'s loops.
#[derive(Clone)]
pub struct Announcer {
    broker: Arc<dyn Broker>,
    relay: Arc<OutboxRelay>,
}

impl Announcer {
    /// How long a publisher waits for the broker.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    pub fn new(broker: Arc<dyn Broker>, relay: Arc<OutboxRelay>) -> Self {
        Self { broker, relay }
    }

    pub async fn announce(&self, job: &Job, traceparent: Option<String>) {
        tokio::join!(self.tell_state(job), self.tell_broker(job, traceparent));
    }

    async fn tell_state(&self, job: &Job) {
        if let Err(error) = self.relay.relay_job(job.id).await {
            warn!(job = %job.id, %error, "state events are relayed later");
            self.relay.wake();
        }
    }

    async fn tell_broker(&self, job: &Job, traceparent: Option<String>) {
        // A scheduled job is the dispatcher's, once it is due.
        if job.state != (JobState::Pending { not_before: None }) {
            return;
        }
        let ticket = Ticket { queue: job.queue.clone(), job: job.id, traceparent };
        if let Err(error) = publish(&*self.broker, ticket).await {
            warn!(job = %job.id, %error, "the ticket is published later");
        }
    }
}

/// Publishes with a limit on the wait: a broker that reconnects may block for the whole outage.
pub(crate) async fn publish(broker: &dyn Broker, ticket: Ticket) -> Result<(), BrokerError> {
    match timeout(Announcer::PATIENCE, broker.publish(ticket)).await {
        Ok(published) => published,
        Err(late) => Err(BrokerError::Unavailable(Box::new(late))),
    }
}
