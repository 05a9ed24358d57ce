use std::sync::Arc;

use alphafleet_domain::ports::{BrokerError, Claim, Delivery, TicketConsumer};
use alphafleet_domain::{Job, Queue};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Shared;
use super::held::Asked;
use super::standing::BackOff;
use super::stats::count;
use crate::attempt;

/// One slot: takes a ticket, claims a job, runs it, and only then acknowledges. Without tickets it
/// looks for itself, so a lost one costs a second.
pub(super) async fn run(shared: Arc<Shared>, queue: Queue, shutdown: CancellationToken) {
    let mut tickets = Tickets { shared: &shared, queue: &queue, consumer: None };
    while !shutdown.is_cancelled() {
        let delivery = tokio::select! {
            () = shutdown.cancelled() => return,
            delivery = tickets.next() => Some(delivery),
            () = sleep(shared.config.poll) => None,
        };
        match delivery {
            Some(delivery) => {
                if let (true, Some(expirer)) = (delivery.redelivered(), &shared.ports.expirer) {
                    expirer.wake();
                }
                if work(&shared, &queue, &shutdown).await == Worked::ToldToStop {
                    return;
                }
                if let Err(error) = delivery.ack().await {
                    debug!(%error, "a ticket was acknowledged too late, which does no harm");
                }
            }
            None => while work(&shared, &queue, &shutdown).await == Worked::Attempt {},
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    Attempt,
    NothingToDo,
    ToldToStop,
}

async fn work(shared: &Arc<Shared>, queue: &Queue, shutdown: &CancellationToken) -> Worked {
    let claimed = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Worked::ToldToStop,
        () = shared.standing.secure() => claim(shared, queue, shutdown).await,
    };
    match claimed {
        Some((job, asked)) => {
            count(&shared.stats.claimed);
            attempt::run(shared, job, asked).await;
            Worked::Attempt
        }
        None if shutdown.is_cancelled() => Worked::ToldToStop,
        None => Worked::NothingToDo,
    }
}

/// The claim itself is never interrupted: its answer would be lost.
async fn claim(
    shared: &Shared,
    queue: &Queue,
    shutdown: &CancellationToken,
) -> Option<(Job, Asked)> {
    let claim = Claim { worker: shared.id, queues: vec![queue.clone()] };
    let mut back_off = BackOff::default();
    loop {
        let asked = shared.held.ask();
        match shared.ports.store.claim(&claim).await {
            Ok(job) => return job.map(|job| (job, asked)),
            Err(error) if back_off.tries() == 0 => warn!(%error, %queue, "a claim failed"),
            Err(_) => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return None,
            () = back_off.wait() => {}
        }
    }
}

/// The slot's consumer, opened again whenever the broker loses it.
struct Tickets<'a> {
    shared: &'a Shared,
    queue: &'a Queue,
    consumer: Option<Box<dyn TicketConsumer>>,
}

impl Tickets<'_> {
    async fn next(&mut self) -> Box<dyn Delivery> {
        loop {
            match self.try_next().await {
                Ok(delivery) => return delivery,
                Err(BrokerError::Closed) => std::future::pending().await,
                Err(error) => {
                    debug!(%error, queue = %self.queue, "no tickets for now");
                    self.consumer = None;
                    sleep(self.shared.config.poll).await;
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<Box<dyn Delivery>, BrokerError> {
        if let Some(consumer) = &mut self.consumer {
            return consumer.next().await;
        }
        let queues = std::slice::from_ref(self.queue);
        let consumer = self.shared.ports.broker.consume(queues).await?;
        self.consumer.insert(consumer).next().await
    }
}
