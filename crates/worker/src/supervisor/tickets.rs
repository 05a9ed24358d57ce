use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::{BrokerError, Delivery, TicketConsumer};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::Shared;

/// Waits between two openings of a consumer double from here to a second. All slots lose theirs at
/// the same moment, so each wait is shortened by up to all of it, at random.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The slot's consumer, opened again whenever the broker loses it.
pub(super) struct Tickets {
    shared: Arc<Shared>,
    queue: Queue,
    prefetch: u16,
    failures: u32,
    state: State,
}

type Opened = Result<Box<dyn TicketConsumer>, BrokerError>;

enum State {
    Closed {
        until: Instant,
    },
    /// A task of its own, which does not begin anew when nobody waits for a moment.
    Opening(JoinSet<Opened>),
    Open(Box<dyn TicketConsumer>),
}

impl Tickets {
    pub fn new(shared: &Arc<Shared>, queue: &Queue, prefetch: u16) -> Self {
        let state = State::Closed { until: Instant::now() };
        Self { shared: Arc::clone(shared), queue: queue.clone(), prefetch, failures: 0, state }
    }

    /// Waits for a ticket, and takes others that are at hand, up to `most` in all. Safe to cancel.
    pub async fn some(&mut self, most: usize) -> Vec<Box<dyn Delivery>> {
        let mut tickets = vec![self.next().await];
        while let State::Open(consumer) = &mut self.state
            && tickets.len() < most
            && let Some(ticket) = consumer.next_at_hand()
        {
            tickets.push(ticket);
        }
        tickets
    }

    /// Lets tickets go to others until the next call of [`Tickets::some`].
    pub fn close(&mut self) {
        self.state = State::Closed { until: Instant::now() };
    }

    async fn next(&mut self) -> Box<dyn Delivery> {
        loop {
            let failure = match &mut self.state {
                State::Closed { until } => {
                    sleep_until(*until).await;
                    self.open();
                    continue;
                }
                State::Opening(opening) => match opening.join_next().await {
                    Some(Ok(Ok(consumer))) => {
                        self.state = State::Open(consumer);
                        continue;
                    }
                    Some(Ok(Err(error))) => error,
                    Some(Err(error)) => BrokerError::Unavailable(Box::new(error)),
                    None => BrokerError::Unavailable("nothing was opened".into()),
                },
                State::Open(consumer) => match consumer.next().await {
                    Ok(ticket) => {
                        self.failures = 0;
                        return ticket;
                    }
                    Err(error) => error,
                },
            };
            if matches!(failure, BrokerError::Closed) {
                std::future::pending::<()>().await;
            }
            debug!(error = %failure, queue = %self.queue, "no tickets for now");
            let longest = FIRST_WAIT.saturating_mul(1 << self.failures.min(8)).min(LONGEST_WAIT);
            self.failures += 1;
            let wait = longest.mul_f64(rand::random_range(0.0..1.0));
            self.state = State::Closed { until: Instant::now() + wait };
        }
    }

    fn open(&mut self) {
        let (shared, queue, prefetch) =
            (Arc::clone(&self.shared), self.queue.clone(), self.prefetch);
        let mut opening = JoinSet::new();
        opening.spawn(async move {
            shared.ports.broker.consume(std::slice::from_ref(&queue), prefetch).await
        });
        self.state = State::Opening(opening);
    }
}
