//! Child processes: starting, hearing, ending and reading the reasons of their end.

mod child;
mod crash;
mod group;
mod lines;
mod memory;
mod pool;
mod spawner;
mod stat;
mod stderr;
mod usage;

pub(crate) use child::{ChildProcess, FrameFault, Heard, StartError};
pub(crate) use crash::Crash;
pub(crate) use group::ProcessGroup;
pub(crate) use memory::OutOfMemoryKills;
pub(crate) use pool::Pool;
pub(crate) use usage::{ProcessTable, Usage};
