use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::Job;
use alphafleet_domain::ports::{Claim, Delivery};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::held::Asked;
use super::standing::BackOff;
use super::stats::count_many;
use super::tickets::Tickets;
use super::{QueueSlots, Shared};
use crate::attempt::{self, Claimed, Working};
use crate::batch::{self, Batch, LookAhead, Ran};

/// How long a job may run before its slot's tickets go to others.
const KEEPS_TICKETS: Duration = Duration::from_millis(200);

/// One slot: takes a ticket, claims a job, runs it, and only then acknowledges; of short kinds
/// several at once. Without tickets it looks for itself, so a lost one costs a second.
pub(super) async fn run(shared: Arc<Shared>, queue: QueueSlots, shutdown: CancellationToken) {
    let tickets = Tickets::new(&shared, &queue.queue, queue.look_ahead);
    let ahead = LookAhead::up_to(queue.look_ahead);
    Slot { shared, queue, shutdown, tickets, ahead, may_be_more: false }.run().await;
}

struct Slot {
    shared: Arc<Shared>,
    queue: QueueSlots,
    shutdown: CancellationToken,
    tickets: Tickets,
    ahead: LookAhead,
    /// The last claim got all it asked for.
    may_be_more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worked {
    Attempt,
    NothingToDo,
    ToldToStop,
}

impl Slot {
    async fn run(mut self) {
        while !self.shutdown.is_cancelled() {
            let look = self.next_look();
            let tickets = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                tickets = self.tickets.some(self.ahead.jobs()) => Some(tickets),
                () = sleep(look) => None,
            };
            let worked = match tickets {
                Some(tickets) => {
                    self.suspect(&tickets);
                    self.work(tickets).await
                }
                None => self.look().await,
            };
            if worked == Worked::ToldToStop {
                return;
            }
        }
    }

    /// Workers that started together are not to look together.
    fn next_look(&self) -> Duration {
        if self.may_be_more {
            return Duration::ZERO;
        }
        self.shared.config.poll.mul_f64(rand::random_range(0.75..1.0))
    }

    /// Looks without a ticket, until there is nothing.
    async fn look(&mut self) -> Worked {
        let (queue, patience) = (&self.queue.queue, self.shared.config.poll / 2);
        if !self.may_be_more && !self.shared.looks.is_due(queue, patience) {
            return Worked::NothingToDo;
        }
        loop {
            match self.work(Vec::new()).await {
                Worked::Attempt => {}
                Worked::NothingToDo => {
                    self.shared.looks.found_nothing(&self.queue.queue);
                    return Worked::NothingToDo;
                }
                Worked::ToldToStop => return Worked::ToldToStop,
            }
        }
    }

    /// A ticket that came before may have been a lost worker's.
    fn suspect(&self, tickets: &[Box<dyn Delivery>]) {
        if let Some(expirer) = &self.shared.ports.expirer
            && tickets.iter().any(|ticket| ticket.redelivered())
        {
            expirer.wake();
        }
    }

    async fn work(&mut self, tickets: Vec<Box<dyn Delivery>>) -> Worked {
        let limit = if tickets.is_empty() { self.ahead.jobs() } else { tickets.len() };
        let claimed = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Worked::ToldToStop,
            () = self.shared.standing.secure() => self.claim(limit).await,
        };
        let Some((jobs, asked)) = claimed else { return Worked::ToldToStop };
        let any = !jobs.is_empty();
        self.may_be_more = limit > 1 && jobs.len() == limit;
        let claimed = self.hold(jobs, asked, tickets).await;
        self.attempt(claimed).await;
        if any { Worked::Attempt } else { Worked::NothingToDo }
    }

    /// The claim itself is never interrupted: its answer would be lost. `None` when it is time to
    /// stop.
    async fn claim(&self, limit: usize) -> Option<(Vec<Job>, Asked)> {
        let claim = Claim { worker: self.shared.id, queues: vec![self.queue.queue.clone()] };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let mut back_off = BackOff::default();
        loop {
            let asked = self.shared.held.ask();
            match self.shared.ports.store.claim_many(&claim, limit).await {
                Ok(jobs) => return Some((jobs, asked)),
                Err(error) if back_off.tries() == 0 => {
                    warn!(%error, queue = %self.queue.queue, "a claim failed");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = back_off.wait() => {}
            }
        }
    }

    /// Takes up what was claimed, each with a ticket. A ticket that found nothing is done with.
    async fn hold(
        &self,
        jobs: Vec<Job>,
        asked: Asked,
        tickets: Vec<Box<dyn Delivery>>,
    ) -> VecDeque<Claimed> {
        let shared = &self.shared;
        count_many(&shared.stats.claimed, jobs.len());
        let mut tickets = tickets.into_iter();
        let mut held = VecDeque::with_capacity(jobs.len());
        for job in jobs {
            let holding = job.lease().and_then(|lease| {
                shared.held.hold_if(&job, lease, asked).map(|holding| (lease, holding))
            });
            let Some((lease, holding)) = holding else {
                attempt::fenced(shared, &job);
                continue;
            };
            if job.kind.is_short() {
                debug!(job = %job.id, attempt = job.attempt, %lease, "claimed");
            } else {
                info!(job = %job.id, kind = job.kind.as_str(), attempt = job.attempt, %lease, "claimed");
            }
            held.push_back(Claimed { job, lease, holding, ticket: tickets.next() });
        }
        for ticket in tickets {
            acknowledge(Some(ticket)).await;
        }
        if !held.is_empty() {
            let running = held.iter().map(|claimed| claimed.job.clone()).collect();
            shared.announce(running, Vec::new());
        }
        held
    }

    /// Runs the jobs in their order: short ones as a batch, any other alone, for which those behind
    /// it are not to wait.
    async fn attempt(&mut self, mut claimed: VecDeque<Claimed>) {
        while let Some(first) = claimed.front() {
            if self.ahead.is_any() && batch::is_quick(first) {
                let quick = claimed.iter().take_while(|one| batch::is_quick(one)).count();
                let rest = claimed.split_off(quick);
                self.batch(std::mem::replace(&mut claimed, rest)).await;
            } else if let Some(mut first) = claimed.pop_front() {
                let ticket = first.ticket.take();
                let others = std::mem::take(&mut claimed);
                tokio::join!(
                    attempt::run(&self.shared, &first),
                    batch::give_back(&self.shared, others)
                );
                acknowledge(ticket).await;
            }
        }
    }

    async fn batch(&mut self, claimed: VecDeque<Claimed>) {
        let shared = Arc::clone(&self.shared);
        let mut batch = Batch::new(&shared, claimed);
        while let Ran::Long(claimed, working) = batch.run().await {
            self.go_on(&mut batch, claimed, working).await;
        }
        self.ahead.learn(batch.finish().await);
    }

    /// A job of the batch goes on alone. What is settled by then is, and when it still goes on, the
    /// tickets that wait here go to others.
    async fn go_on(&mut self, batch: &mut Batch<'_>, mut claimed: Claimed, working: Working) {
        let mut ticket = claimed.ticket.take();
        let shared = Arc::clone(&self.shared);
        let mut going_on = pin!(attempt::go_on(&shared, &claimed, working));
        let long = async {
            batch.settle().await;
            sleep(KEEPS_TICKETS).await;
        };
        tokio::select! {
            () = &mut going_on => {}
            () = long => {
                acknowledge(ticket.take()).await;
                self.tickets.close();
                going_on.await;
            }
        }
        acknowledge(ticket).await;
    }
}

async fn acknowledge(ticket: Option<Box<dyn Delivery>>) {
    if let Some(ticket) = ticket
        && let Err(error) = ticket.ack().await
    {
        debug!(%error, "a ticket was acknowledged too late, which does no harm");
    }
}
