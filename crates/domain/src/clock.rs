use chrono::{DateTime, SubsecRound, Utc};

/// A point in time, UTC, kept to the microsecond.
pub type Instant = DateTime<Utc>;

/// Where "now" comes from; tests bring their own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Instant;
}

/// The clock of this machine. Liveness is judged by the database's clock instead.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Utc::now().trunc_subsecs(6)
    }
}
