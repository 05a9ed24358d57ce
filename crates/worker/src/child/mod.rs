//! The child's side: handlers, and the loop that serves them to a supervisor. Synchronous.

mod blame;
mod context;
mod handler;
mod os;
mod output;
mod panics;
mod serve;
mod work;

pub(crate) use os::{MEMORY_LIMIT, SUPERVISOR};

pub use blame::{Blame, explain};
pub use context::Context;
pub use handler::{Handler, HandlerError};
pub use serve::main;

pub use crate::frame::{
    Assignment, ColumnKey, Completed, DatasetInput, EarlierColumn, FeatureFile, FeatureInput,
    Inputs, OutputFile, Part, SignalInput, Stop,
};
