use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Whether the worker may act for its leases: only within a window of its last successful beat.
#[derive(Debug)]
pub(crate) struct Standing {
    window: Duration,
    beaten: watch::Sender<Option<Instant>>,
}

impl Standing {
    pub fn new(window: Duration) -> Self {
        Self { window, beaten: watch::Sender::new(None) }
    }

    /// Notes a beat that succeeded. `at` is when it was sent, which is no later than when the
    /// database noted it.
    pub fn beaten(&self, at: Instant) {
        self.beaten.send_replace(Some(at));
    }

    /// Waits until acting is allowed; mostly not at all.
    pub async fn secure(&self) {
        let mut beaten = self.beaten.subscribe();
        let fresh = |at: &Option<Instant>| at.is_some_and(|at| at.elapsed() < self.window);
        if beaten.wait_for(fresh).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits that double from 50 ms to a second.
#[derive(Debug, Default)]
pub(crate) struct BackOff(u32);

impl BackOff {
    pub async fn wait(&mut self) {
        let millis = (50_u64 << self.0.min(5)).min(1_000);
        self.0 += 1;
        sleep_until(Instant::now() + Duration::from_millis(millis)).await;
    }

    pub const fn tries(&self) -> u32 {
        self.0
    }
}
