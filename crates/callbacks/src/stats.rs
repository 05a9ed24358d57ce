use std::sync::atomic::{AtomicU64, Ordering};

/// What a deliverer has done since it began.
#[derive(Debug, Default)]
pub struct CallbackStats {
    delivered: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
}

impl CallbackStats {
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Tries that failed and are made again.
    pub fn retried(&self) -> u64 {
        self.retried.load(Ordering::Relaxed)
    }

    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(crate) fn count(&self, tried: &alphafleet_domain::ports::CallbackTry) {
        use alphafleet_domain::ports::CallbackTry::{Again, Delivered, GivenUp};
        let counter = match tried {
            Delivered => &self.delivered,
            Again { .. } => &self.retried,
            GivenUp { .. } => &self.given_up,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
