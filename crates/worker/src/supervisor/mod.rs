//! The supervisor: claims jobs, has children run them, and answers for both.

mod beats;
mod config;
mod held;
mod prepare;
mod scratch;
mod slot;
mod standing;
mod stats;
mod worker;

pub use config::{ChildCommand, Grace, QueueSlots, WorkerConfig};
pub use prepare::{DatasetInputs, NoInputs, Prepare, PrepareError};
pub use stats::WorkerStats;
pub use worker::{Worker, WorkerError, WorkerPorts};

pub(crate) use held::{Asked, Held, Order, Orders};
pub(crate) use scratch::{AttemptFolder, Scratch};
pub(crate) use standing::{BackOff, Standing};
pub(crate) use stats::count;

use std::sync::Arc;

use alphafleet_domain::WorkerId;

use crate::process::Pool;

/// What the parts of one worker share.
pub(crate) struct Shared {
    pub id: WorkerId,
    pub config: WorkerConfig,
    pub ports: WorkerPorts,
    pub stats: Arc<WorkerStats>,
    pub held: Held,
    pub standing: Standing,
    pub scratch: Scratch,
    pub pool: Arc<Pool>,
}
