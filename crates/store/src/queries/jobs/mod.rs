pub(crate) mod beat;
pub(crate) mod cancel;
pub(crate) mod claim;
pub(crate) mod due;
pub(crate) mod expire;
mod family;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod settle;
pub(crate) mod submit;
mod write;

use super::{
    Connection, Gate, NEXT_PUBLICATION, audit, best_figures, callbacks, candidates, end_attempts,
    experiments, feature_cache, models, now, outbox, pass, update_jobs, window,
};

/// The states that count against a user's limit.
pub(crate) const ACTIVE: [&str; 2] = ["pending", "running"];
