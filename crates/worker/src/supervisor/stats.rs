use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// What a worker has counted since it started.
        #[derive(Debug, Default)]
        pub struct WorkerStats {
            $($(#[$doc])* pub $name: AtomicU64,)+
        }

        impl WorkerStats {
            /// Every counter with its name, for exporters.
            pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)+]
            }
        }
    };
}

stats! {
    claimed,
    completed,
    /// Failed for good.
    failed,
    /// Failed and pending again.
    retried,
    cancelled,
    /// Given back unfinished: by a drain, or because the job before them took long.
    released,
    /// Attempts whose lease was lost; all they did was discarded.
    fenced,
    /// Children that ended without being told to.
    crashed,
    children_started,
    beats,
    beats_failed,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn count_many(counter: &AtomicU64, many: usize) {
    counter.fetch_add(many as u64, Ordering::Relaxed);
}
