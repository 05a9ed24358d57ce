use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::{Job, JobId, LeaseId};
use tokio::sync::watch;

/// What an attempt is told from outside; a later one outweighs an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    Run,
    Drain,
    Cancel,
    /// The lease is lost: stop and discard.
    Fenced,
}

/// A job is released at this many beats in a row that do not name it.
const MISSED_BEATS: u64 = 2;

/// How many beats had come to their end when a claim was sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked(u64);

/// The leases this worker holds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Held(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    leases: Mutex<Leases>,
    /// Counts orders, to whomever.
    orders: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Leases {
    draining: bool,
    /// Beats that have left, and whether the last of them is still on its way.
    beats: u64,
    under_way: bool,
    held: HashMap<LeaseId, Lease>,
}

#[derive(Debug)]
struct Lease {
    orders: watch::Sender<Order>,
    attempt: RunningAttempt,
}

/// An attempt whose lease the worker holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningAttempt {
    pub job: JobId,
    /// From 1.
    pub attempt: u32,
    pub lease: LeaseId,
    /// The process that works at it, once one does; it leads a group of its own.
    pub child: Option<i32>,
}

impl Held {
    /// Takes up a claimed lease, unless two beats without it may have reached the database since
    /// the claim was `asked` for: then it is released there, and may be another worker's.
    pub fn hold_if(&self, job: &Job, lease: LeaseId, asked: Asked) -> Option<Holding> {
        let mut leases = self.lock();
        if leases.beats - asked.0 >= MISSED_BEATS {
            return None;
        }
        let first = if leases.draining { Order::Drain } else { Order::Run };
        let (sender, orders) = watch::channel(first);
        let attempt = RunningAttempt { job: job.id, attempt: job.attempt, lease, child: None };
        leases.held.insert(lease, Lease { orders: sender, attempt });
        Some(Holding { lease, orders, held: self.clone() })
    }

    /// To be noted before a claim is sent.
    pub fn ask(&self) -> Asked {
        let leases = self.lock();
        Asked(leases.beats - u64::from(leases.under_way))
    }

    pub fn is_empty(&self) -> bool {
        self.lock().held.is_empty()
    }

    pub fn is_draining(&self) -> bool {
        self.lock().draining
    }

    pub fn running(&self) -> Vec<RunningAttempt> {
        self.lock().held.values().map(|lease| lease.attempt).collect()
    }

    /// Changes with every order, to whomever.
    pub fn orders(&self) -> watch::Receiver<u64> {
        self.0.orders.subscribe()
    }

    /// What a beat that leaves now is to name.
    pub fn beat_leaves(&self) -> Vec<LeaseId> {
        let mut leases = self.lock();
        leases.beats += 1;
        leases.under_way = true;
        leases.held.keys().copied().collect()
    }

    pub fn beat_ended(&self) {
        self.lock().under_way = false;
    }

    pub fn order(&self, lease: LeaseId, order: Order) {
        if let Some(lease) = self.lock().held.get(&lease) {
            raise(&lease.orders, order);
        }
        self.0.orders.send_modify(|count| *count += 1);
    }

    /// Tells every attempt, and those still to come, to drain.
    pub fn drain(&self) {
        let mut leases = self.lock();
        leases.draining = true;
        for lease in leases.held.values() {
            raise(&lease.orders, Order::Drain);
        }
        drop(leases);
        self.0.orders.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Leases> {
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(orders: &watch::Sender<Order>, order: Order) {
    orders.send_if_modified(|present| {
        let heavier = order > *present;
        if heavier {
            *present = order;
        }
        heavier
    });
}

/// A held lease; dropped, the worker's beats no longer name it.
#[derive(Debug)]
pub(crate) struct Holding {
    lease: LeaseId,
    orders: watch::Receiver<Order>,
    held: Held,
}

impl Holding {
    pub fn present(&self) -> Order {
        *self.orders.borrow()
    }

    /// Notes which process works at it.
    pub fn worked_by(&self, child: i32) {
        if let Some(lease) = self.held.lock().held.get_mut(&self.lease) {
            lease.attempt.child = Some(child);
        }
    }

    pub fn orders(&self) -> Orders {
        Orders { lease: self.lease, receiver: self.orders.clone(), held: self.held.clone() }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.held.lock().held.remove(&self.lease);
    }
}

/// One attempt's view of what it is told.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    lease: LeaseId,
    receiver: watch::Receiver<Order>,
    held: Held,
}

impl Orders {
    pub fn present(&self) -> Order {
        *self.receiver.borrow()
    }

    /// Waits for an order of at least this weight.
    pub async fn at_least(&mut self, order: Order) -> Order {
        let raised = self.receiver.wait_for(|present| *present >= order).await.map(|order| *order);
        match raised {
            Ok(order) => order,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits for an order heavier than this.
    pub async fn above(&mut self, order: Order) -> Order {
        let raised = self.receiver.wait_for(|present| *present > order).await.map(|order| *order);
        match raised {
            Ok(order) => order,
            Err(_) => std::future::pending().await,
        }
    }

    /// Notes that the store refused our lease.
    pub fn fence(&self) {
        self.held.order(self.lease, Order::Fenced);
    }
}

#[cfg(test)]
mod tests {
    use alphafleet_domain::job::{JobKind, JobState, Priority, Progress};
    use alphafleet_domain::{Instant, UserId};

    use super::*;

    fn job() -> Job {
        let kind = JobKind::Probe;
        Job {
            id: JobId::new(),
            owner: UserId::new(),
            kind,
            queue: kind.queue(),
            priority: Priority::default(),
            parent: None,
            children: 0,
            waiting_on: 0,
            strategy: None,
            experiment: None,
            dataset_version: None,
            spec: serde_json::Value::Null,
            limits: kind.limits(),
            retry: kind.retry(),
            state: JobState::Pending { not_before: None },
            attempt: 2,
            failures: 0,
            progress: Progress::default(),
            checkpoint: None,
            result: None,
            last_failure: None,
            created_at: Instant::UNIX_EPOCH,
            started_at: None,
            finished_at: None,
        }
    }

    #[test]
    fn a_lease_that_two_beats_did_not_name_is_not_taken_up() {
        let held = Held::default();
        let (job, lease) = (job(), LeaseId::new());
        let beat = || {
            let named = held.beat_leaves();
            held.beat_ended();
            named
        };
        beat();
        let asked = held.ask();
        beat();
        let holding = held.hold_if(&job, lease, asked);
        assert!(holding.is_some(), "one beat did not name it");
        assert_eq!(beat(), [lease]);
        drop(holding);
        assert!(held.is_empty());
        let asked = held.ask();
        beat();
        beat();
        assert!(held.hold_if(&job, lease, asked).is_none(), "two beats did not name it");
    }

    #[test]
    fn a_beat_that_was_on_its_way_counts_too() {
        let held = Held::default();
        held.beat_leaves();
        let asked = held.ask();
        held.beat_ended();
        assert!(held.hold_if(&job(), LeaseId::new(), asked).is_some());
        held.beat_leaves();
        assert!(held.hold_if(&job(), LeaseId::new(), asked).is_none());
    }

    #[test]
    fn what_is_held_is_shown_with_its_process() {
        let held = Held::default();
        let (job, lease) = (job(), LeaseId::new());
        let holding = held.hold_if(&job, lease, held.ask());
        let shown = RunningAttempt { job: job.id, attempt: 2, lease, child: None };
        assert_eq!(held.running(), [shown]);
        holding.as_ref().inspect(|holding| holding.worked_by(77));
        assert_eq!(held.running(), [RunningAttempt { child: Some(77), ..shown }]);
        drop(holding);
        assert!(held.running().is_empty());
    }

    #[test]
    fn every_order_is_noticed_by_those_who_hold_many() {
        let held = Held::default();
        let (first, second) = (LeaseId::new(), LeaseId::new());
        let holdings = [first, second].map(|lease| held.hold_if(&job(), lease, held.ask()));
        let mut orders = held.orders();
        let noticed = |orders: &mut watch::Receiver<u64>| {
            let changed = orders.has_changed().is_ok_and(|changed| changed);
            orders.mark_unchanged();
            changed
        };
        assert!(!noticed(&mut orders));
        held.order(second, Order::Cancel);
        assert!(noticed(&mut orders));
        let present: Vec<_> = holdings.iter().flatten().map(Holding::present).collect();
        assert_eq!(present, [Order::Run, Order::Cancel]);
        held.drain();
        assert!(noticed(&mut orders) && held.is_draining());
        let present: Vec<_> = holdings.iter().flatten().map(Holding::present).collect();
        assert_eq!(present, [Order::Drain, Order::Cancel]);
    }
}
