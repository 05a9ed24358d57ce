use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::JobState;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket};
use alphafleet_domain::{Job, JobId};
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
    /// How long a publisher waits for the broker, or for a look at a parent.
    pub const PATIENCE: Duration = Duration::from_secs(2);

    pub fn new(broker: Arc<dyn Broker>, relay: Arc<OutboxRelay>) -> Self {
        Self { broker, relay }
    }

    /// `traceparent` is the W3C trace context that travels with the ticket.
    pub async fn announce(&self, job: &Job, traceparent: Option<String>) {
        self.announce_with(std::slice::from_ref(job), Vec::new(), traceparent).await;
    }

    /// Like [`Announcer::announce`] for many, with no more questions than for one.
    pub async fn announce_all(&self, jobs: &[Job]) {
        self.announce_with(jobs, Vec::new(), None).await;
    }

    /// Like [`Announcer::announce_all`], with tickets of others beside those of the jobs.
    pub(crate) async fn announce_with(
        &self,
        jobs: &[Job],
        others: Vec<Ticket>,
        traceparent: Option<String>,
    ) {
        let mut tickets = tickets(jobs);
        tickets.extend(others);
        for ticket in &mut tickets {
            ticket.traceparent.clone_from(&traceparent);
        }
        let parents = self.tell_of_parents(jobs);
        tokio::join!(self.tell_states(), self.tell_broker(tickets), parents);
    }

    /// Whoever ends the last child of a job has it due. Its row alone knows which child is the last.
    async fn tell_of_parents(&self, jobs: &[Job]) {
        let ended = jobs.iter().filter(|job| job.state.name().is_terminal());
        let parents: BTreeSet<JobId> = ended.filter_map(|job| job.parent).collect();
        let mut due = Vec::new();
        for parent in parents {
            match timeout(Self::PATIENCE, self.relay.store().job(parent)).await {
                Ok(Ok(found)) => due.extend(found.filter(|job| job.children > 0)),
                Ok(Err(error)) => warn!(job = %parent, %error, "a ticket is published later"),
                Err(_) => warn!(job = %parent, "a ticket is published later"),
            }
        }
        self.tell_broker(tickets(&due)).await;
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

/// Of those that wait for a worker, and for no child. A scheduled job is the dispatcher's, once it
/// is due.
fn tickets(jobs: &[Job]) -> Vec<Ticket> {
    let waits =
        |job: &&Job| job.state == JobState::Pending { not_before: None } && job.waiting_on == 0;
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
