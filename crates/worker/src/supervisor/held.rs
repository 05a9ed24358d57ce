use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::LeaseId;
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
pub(crate) struct Held(Arc<Mutex<Leases>>);

#[derive(Debug, Default)]
struct Leases {
    draining: bool,
    /// Beats that have left, and whether the last of them is still on its way.
    beats: u64,
    under_way: bool,
    orders: HashMap<LeaseId, watch::Sender<Order>>,
}

impl Held {
    /// Takes up a claimed lease, unless two beats without it may have reached the database since
    /// the claim was `asked` for: then it is released there, and may be another worker's.
    pub fn hold_if(&self, lease: LeaseId, asked: Asked) -> Option<Holding> {
        let mut leases = self.lock();
        if leases.beats - asked.0 >= MISSED_BEATS {
            return None;
        }
        let first = if leases.draining { Order::Drain } else { Order::Run };
        let (sender, orders) = watch::channel(first);
        leases.orders.insert(lease, sender);
        Some(Holding { lease, orders, held: self.clone() })
    }

    /// To be noted before a claim is sent.
    pub fn ask(&self) -> Asked {
        let leases = self.lock();
        Asked(leases.beats - u64::from(leases.under_way))
    }

    pub fn is_empty(&self) -> bool {
        self.lock().orders.is_empty()
    }

    /// What a beat that leaves now is to name.
    pub fn beat_leaves(&self) -> Vec<LeaseId> {
        let mut leases = self.lock();
        leases.beats += 1;
        leases.under_way = true;
        leases.orders.keys().copied().collect()
    }

    pub fn beat_ended(&self) {
        self.lock().under_way = false;
    }

    pub fn order(&self, lease: LeaseId, order: Order) {
        if let Some(orders) = self.lock().orders.get(&lease) {
            raise(orders, order);
        }
    }

    /// Tells every attempt, and those still to come, to drain.
    pub fn drain(&self) {
        let mut leases = self.lock();
        leases.draining = true;
        for orders in leases.orders.values() {
            raise(orders, Order::Drain);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Leases> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    pub fn orders(&self) -> Orders {
        Orders { lease: self.lease, receiver: self.orders.clone(), held: self.held.clone() }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.held.lock().orders.remove(&self.lease);
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
    use super::*;

    #[test]
    fn a_lease_that_two_beats_did_not_name_is_not_taken_up() {
        let held = Held::default();
        let lease = LeaseId::new();
        let beat = || {
            let named = held.beat_leaves();
            held.beat_ended();
            named
        };
        beat();
        let asked = held.ask();
        beat();
        let holding = held.hold_if(lease, asked);
        assert!(holding.is_some(), "one beat did not name it");
        assert_eq!(beat(), [lease]);
        drop(holding);
        assert!(held.is_empty());
        let asked = held.ask();
        beat();
        beat();
        assert!(held.hold_if(lease, asked).is_none(), "two beats did not name it");
    }

    #[test]
    fn a_beat_that_was_on_its_way_counts_too() {
        let held = Held::default();
        held.beat_leaves();
        let asked = held.ask();
        held.beat_ended();
        assert!(held.hold_if(LeaseId::new(), asked).is_some());
        held.beat_leaves();
        assert!(held.hold_if(LeaseId::new(), asked).is_none());
    }
}
