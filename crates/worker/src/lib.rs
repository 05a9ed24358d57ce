//! The runtime that runs jobs.
//!
//! A [`Worker`] claims jobs from the store and has them run by child processes, so that a crash,
//! a leak or a runaway costs one child. The two speak in lines of JSON, see [`frame`]; a child in
//! Rust implements [`child::Handler`] and calls [`child::main`].

mod attempt;
mod batch;
pub mod child;
pub mod frame;
mod process;
mod supervisor;

pub use supervisor::{
    ChildCommand, DatasetInputs, Grace, NoInputs, Prepare, PrepareError, QueueSlots,
    RunningAttempt, Worker, WorkerConfig, WorkerError, WorkerPorts, WorkerStanding, WorkerStats,
};
