use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alphafleet_domain::UserId;
use tokio::sync::watch;
use tokio::time::timeout;

/// The open sockets of this gateway, by user.
#[derive(Clone)]
pub(crate) struct Connections {
    by_user: Arc<Mutex<HashMap<UserId, u32>>>,
    total: watch::Sender<usize>,
}

impl Default for Connections {
    fn default() -> Self {
        Self { by_user: Arc::default(), total: watch::Sender::new(0) }
    }
}

/// One open socket; dropping it makes room.
pub(crate) struct OpenConnection {
    connections: Connections,
    user: UserId,
}

impl Connections {
    /// Counts one more socket of the user, if it is not one too many.
    pub fn open(&self, user: UserId, limit: u32) -> Option<OpenConnection> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let open = by_user.entry(user).or_default();
        if *open >= limit {
            if *open == 0 {
                by_user.remove(&user);
            }
            return None;
        }
        *open += 1;
        self.total.send_modify(|total| *total += 1);
        Some(OpenConnection { connections: self.clone(), user })
    }

    /// How many sockets each user has open.
    pub fn by_user(&self) -> Vec<(UserId, u32)> {
        let by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        by_user.iter().map(|(user, open)| (*user, *open)).collect()
    }

    /// Waits until no socket is open, but not for longer than `patience`.
    pub async fn drained(&self, patience: Duration) {
        let mut total = self.total.subscribe();
        let _ = timeout(patience, total.wait_for(|total| *total == 0)).await;
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let Connections { by_user, total } = &self.connections;
        let mut by_user = by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = by_user.get_mut(&self.user) {
            *open -= 1;
            if *open == 0 {
                by_user.remove(&self.user);
            }
        }
        total.send_modify(|total| *total = total.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn each_user_has_a_limit_and_closing_makes_room() {
        let connections = Connections::default();
        let (one, other) = (UserId::new(), UserId::new());
        let first = connections.open(one, 1).unwrap();
        assert!(connections.open(one, 1).is_none());
        assert!(connections.open(other, 1).is_some());
        assert!(connections.open(other, 0).is_none());
        drop(first);
        assert!(connections.open(one, 1).is_some());
        connections.drained(Duration::from_secs(60)).await;
    }
}
