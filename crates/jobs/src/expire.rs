use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use alphafleet_domain::ports::{Beat, Expired, JobStore, StoreError};
use alphafleet_domain::{Clock, Instant, WorkerId};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Announcer;
use crate::pace::Pace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpireSettings {
    /// Between two judgements.
    pub interval: Duration,
    /// How long a worker may be silent before its leases end.
    pub window: Duration,
    /// How long a worker may take to come back after the database was away.
    pub longest_reconnect: Duration,
}

impl Default for ExpireSettings {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(500),
            window: Duration::from_secs(3),
            longest_reconnect: Pace::LONGEST_BACK_OFF,
        }
    }
}

/// Whether an expirer may judge others. After an outage of the database every worker looks silent
/// and none is, so it first needs its own calls to have succeeded for long enough, without a
/// break longer than the window: it may itself have been the one that slept.
#[derive(Debug, Clone)]
pub struct Confidence {
    needed: Duration,
    longest_break: Duration,
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Confidence {
    pub const fn new(settings: &ExpireSettings) -> Self {
        Self {
            needed: settings.window.saturating_add(settings.longest_reconnect),
            longest_break: settings.window,
            since: None,
            last: None,
        }
    }

    /// Notes a call that succeeded at `now`. Answers whether judging is allowed.
    pub fn succeeded(&mut self, now: Instant) -> bool {
        let unbroken = self.last.is_some_and(|last| {
            (now - last).to_std().is_ok_and(|passed| passed < self.longest_break)
        });
        let since = *self.since.take_if(|_| unbroken).get_or_insert(now);
        self.since = Some(since);
        self.last = Some(now);
        (now - since).to_std().is_ok_and(|passed| passed >= self.needed)
    }

    /// Notes a call that failed.
    pub const fn failed(&mut self) {
        self.since = None;
        self.last = None;
    }
}

/// Ends the attempts of workers that fell silent: the only way in which a job changes hands.
pub struct Expirer {
    store: Arc<dyn JobStore>,
    /// Names no worker: under it the expirer tries the way that the workers' beats take.
    probe: WorkerId,
    announcer: Announcer,
    clock: Arc<dyn Clock>,
    settings: ExpireSettings,
    confidence: Mutex<Confidence>,
    wake: Notify,
}

impl Expirer {
    pub fn new(
        store: Arc<dyn JobStore>,
        announcer: Announcer,
        clock: Arc<dyn Clock>,
        settings: ExpireSettings,
    ) -> Self {
        let confidence = Mutex::new(Confidence::new(&settings));
        let (probe, wake) = (WorkerId::new(), Notify::new());
        Self { store, probe, announcer, clock, settings, confidence, wake }
    }

    /// Judges now instead of at the next interval: a redelivered ticket hints at a lost worker.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Runs until `shutdown`, whatever fails on the way.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut pace = Pace::new(self.settings.interval);
        while pace.next(&self.wake, &shutdown).await {
            match self.judge().await {
                Ok(_) => pace.succeeded(),
                Err(error) if pace.failed() => warn!(%error, "expiring is interrupted"),
                Err(_) => {}
            }
        }
        info!("the expirer stopped");
    }

    /// Expires what is to be expired, if this expirer may judge, and announces it.
    pub async fn judge(&self) -> Result<Vec<Expired>, StoreError> {
        let expired = self.expire().await;
        if expired.is_err() {
            self.confidence(Confidence::failed);
        }
        let expired = expired?;
        for Expired { job, worker } in &expired {
            warn!(job = %job.id, %worker, attempt = job.attempt, state = %job.state.name(),
                "the worker fell silent");
        }
        if !expired.is_empty() {
            let jobs: Vec<_> = expired.iter().map(|expired| expired.job.clone()).collect();
            self.announcer.announce_all(&jobs).await;
        }
        Ok(expired)
    }

    /// Where a beat of its own passes, those of the workers do: reads alone pass a database that
    /// takes no writes, or that has a queue before its one writer.
    async fn expire(&self) -> Result<Vec<Expired>, StoreError> {
        let probe = Beat { worker: self.probe, held: Vec::new() };
        self.soon(self.store.beat(&probe)).await?;
        let now = self.clock.now();
        if self.confidence(|confidence| confidence.succeeded(now)) {
            self.soon(self.store.expire(self.settings.window)).await
        } else {
            Ok(Vec::new())
        }
    }

    /// What waits so long has the beats of healthy workers wait too, and is no base to judge on.
    async fn soon<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match timeout(self.settings.window / 3, call).await {
            Ok(answer) => answer,
            Err(late) => Err(StoreError::Unavailable(Box::new(late))),
        }
    }

    fn confidence<T>(&self, with: impl FnOnce(&mut Confidence) -> T) -> T {
        with(&mut self.confidence.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(millis: i64) -> Instant {
        Instant::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    fn judges(confidence: &mut Confidence, times: impl IntoIterator<Item = i64>) -> Option<i64> {
        times.into_iter().find(|&millis| confidence.succeeded(at(millis)))
    }

    #[test]
    fn judging_needs_a_window_and_a_reconnect_of_successes() {
        let mut confidence = Confidence::new(&ExpireSettings::default());
        assert_eq!(judges(&mut confidence, (0..20_000).step_by(500)), Some(4_000));
    }

    #[test]
    fn a_failure_starts_over() {
        let mut confidence = Confidence::new(&ExpireSettings::default());
        assert_eq!(judges(&mut confidence, (0..4_000).step_by(500)), None);
        confidence.failed();
        assert_eq!(judges(&mut confidence, (4_000..20_000).step_by(500)), Some(8_000));
    }

    #[test]
    fn an_expirer_that_slept_or_whose_clock_went_back_starts_over() {
        for wakes_at in [60_000, -60_000] {
            let mut confidence = Confidence::new(&ExpireSettings::default());
            assert_eq!(judges(&mut confidence, (0..20_000).step_by(500)), Some(4_000));
            let later = (wakes_at..wakes_at + 20_000).step_by(500);
            assert_eq!(judges(&mut confidence, later), Some(wakes_at + 4_000));
        }
    }
}
