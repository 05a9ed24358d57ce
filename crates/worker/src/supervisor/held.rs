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

/// The leases this worker holds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Held(Arc<Mutex<Leases>>);

#[derive(Debug, Default)]
struct Leases {
    draining: bool,
    orders: HashMap<LeaseId, watch::Sender<Order>>,
}

impl Held {
    pub fn hold(&self, lease: LeaseId) -> Holding {
        let mut leases = self.lock();
        let first = if leases.draining { Order::Drain } else { Order::Run };
        let (sender, orders) = watch::channel(first);
        leases.orders.insert(lease, sender);
        Holding { lease, orders, held: self.clone() }
    }

    pub fn leases(&self) -> Vec<LeaseId> {
        self.lock().orders.keys().copied().collect()
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
