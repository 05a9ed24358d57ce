use std::sync::Arc;

use super::held::{Held, RunningAttempt};
use super::standing::Standing;

/// How a worker fares, for those who watch over it.
#[derive(Debug, Clone)]
pub struct WorkerStanding {
    pub(super) standing: Arc<Standing>,
    pub(super) held: Held,
}

impl WorkerStanding {
    /// Whether it is registered and its last beat was answered within the window, and it is not
    /// about to stop.
    pub fn is_ready(&self) -> bool {
        self.standing.is_secure() && !self.held.is_draining()
    }

    /// The attempts whose leases it holds, in no order.
    pub fn running(&self) -> Vec<RunningAttempt> {
        self.held.running()
    }
}
