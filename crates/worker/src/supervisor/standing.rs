use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

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

    /// Notes that there will be no more beats.
    pub fn stop(&self) {
        self.beaten.send_replace(None);
    }

    /// Whether acting is allowed now.
    pub fn is_secure(&self) -> bool {
        self.is_fresh(&self.beaten.borrow())
    }

    fn is_fresh(&self, at: &Option<Instant>) -> bool {
        at.is_some_and(|at| at.elapsed() < self.window)
    }

    /// Waits until acting is allowed; mostly not at all.
    pub async fn secure(&self) {
        let mut beaten = self.beaten.subscribe();
        if beaten.wait_for(|at| self.is_fresh(at)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits that double from 50 ms to a second, each shortened by up to a half at random, so that those
/// who failed together do not come back together.
#[derive(Debug, Default)]
pub(crate) struct BackOff(u32);

impl BackOff {
    pub async fn wait(&mut self) {
        let longest = Duration::from_millis((50_u64 << self.0.min(5)).min(1_000));
        self.0 = self.0.saturating_add(1);
        sleep(longest.mul_f64(rand::random_range(0.5..1.0))).await;
    }

    pub const fn tries(&self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn acting_is_allowed_within_a_window_of_the_last_beat() {
        let standing = Standing::new(Duration::from_secs(3));
        assert!(!standing.is_secure(), "nothing was answered yet");
        standing.beaten(Instant::now());
        assert!(standing.is_secure());
        sleep(Duration::from_secs(4)).await;
        assert!(!standing.is_secure());
    }
}
