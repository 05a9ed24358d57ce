use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::Job;
use alphafleet_domain::job::JobState;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket};
use tokio::time::timeout;
use tracing::warn;

use crate::OutboxRelay;

/// Tells the world at once what the database knows: publishes state events and, of jobs that wait
/// for a worker, the tickets. All of it is for speed only; what fails or hangs here is done again
/// by the [`OutboxRelay`]'s and the [`Dispatcher`](crate::Dispatcher)'s loops.
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

    /// `traceparent` is the W3C trace context that travels with the ticket.
    pub async fn announce(&self, job: &Job, traceparent: Option<String>) {
        let mut tickets = tickets(std::slice::from_ref(job));
        for ticket in &mut tickets {
            ticket.traceparent.clone_from(&traceparent);
        }
        tokio::join!(self.tell_states(), self.tell_broker(tickets));
    }

    /// Like [`Announcer::announce`] for many, with no more questions than for one.
    pub async fn announce_all(&self, jobs: &[Job]) {
        tokio::join!(self.tell_states(), self.tell_broker(tickets(jobs)));
    }

    async fn tell_states(&self) {
        if let Err(error) = self.relay.relay_news().await {
            warn!(%error, "state events are relayed later");
            self.relay.wake();
        }
    }

    async fn tell_broker(&self, tickets: Vec<Ticket>) {
        let count = tickets.len();
        if let Err(error) = publish_all(&*self.broker, tickets).await {
            warn!(count, %error, "tickets are published later");
        }
    }
}

/// Of those that wait for a worker. A scheduled job is the dispatcher's, once it is due.
fn tickets(jobs: &[Job]) -> Vec<Ticket> {
    let waits = |job: &&Job| job.state == JobState::Pending { not_before: None };
    jobs.iter().filter(waits).map(ticket).collect()
}

pub(crate) fn ticket(job: &Job) -> Ticket {
    Ticket { queue: job.queue.clone(), job: job.id, traceparent: None }
}

/// Publishes with a limit on the wait: a broker that reconnects may block for the whole outage.
pub(crate) async fn publish_all(
    broker: &dyn Broker,
    tickets: Vec<Ticket>,
) -> Result<(), BrokerError> {
    if tickets.is_empty() {
        return Ok(());
    }
    match timeout(Announcer::PATIENCE, broker.publish_all(tickets)).await {
        Ok(published) => published,
        Err(late) => Err(BrokerError::Unavailable(Box::new(late))),
    }
}
