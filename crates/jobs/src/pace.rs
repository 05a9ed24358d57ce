use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The rhythm of a loop: its interval while all goes well, a doubling wait of at most a second
/// while something is away.
#[derive(Debug)]
pub(crate) struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
    const FIRST_BACK_OFF: Duration = Duration::from_millis(50);

    pub const fn new(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Whether it is the first failure since a success, which is the one worth a warning.
    pub const fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == 1
    }

    fn wait(&self) -> Duration {
        match self.failures.checked_sub(1) {
            None => self.interval,
            Some(doublings) => {
                let doubled = Self::FIRST_BACK_OFF.saturating_mul(1 << doublings.min(10));
                doubled.min(Self::LONGEST_BACK_OFF)
            }
        }
    }

    /// Waits for the next turn. A wake shortens the interval, never a back-off. `false` when it is
    /// time to stop.
    pub async fn next(&self, wake: &Notify, shutdown: &CancellationToken) -> bool {
        let woken = async {
            if self.failures == 0 { wake.notified().await } else { std::future::pending().await }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => false,
            () = woken => true,
            () = sleep(self.wait()) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_back_off_doubles_up_to_a_second_and_resets() {
        let mut pace = Pace::new(Duration::from_millis(500));
        assert_eq!(pace.wait(), Duration::from_millis(500));
        let mut waits = Vec::new();
        for _ in 0..6 {
            pace.failed();
            waits.push(pace.wait().as_millis());
        }
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_000]);
        for _ in 0..100 {
            pace.failed();
        }
        assert_eq!(pace.wait(), Pace::LONGEST_BACK_OFF);
        pace.succeeded();
        assert_eq!(pace.wait(), Duration::from_millis(500));
    }

    #[tokio::test]
    async fn a_wake_ends_the_wait_and_a_shutdown_the_loop() {
        let (wake, shutdown) = (Notify::new(), CancellationToken::new());
        let mut pace = Pace::new(Duration::from_secs(3_600));
        wake.notify_one();
        assert!(pace.next(&wake, &shutdown).await);
        shutdown.cancel();
        assert!(!pace.next(&wake, &shutdown).await);
        pace.failed();
        assert!(!pace.next(&wake, &shutdown).await);
    }
}
