//! Child processes: starting, hearing, ending and reading the reasons of their end.

mod child;
mod crash;
mod group;
mod lines;
mod memory;
mod pool;
mod spawner;
mod stderr;

pub(crate) use child::{ChildProcess, FrameFault};
pub(crate) use crash::Crash;
pub(crate) use memory::out_of_memory_kills;
pub(crate) use pool::Pool;
