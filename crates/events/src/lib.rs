//! Publish and subscribe with replay, one numbered stream a job.
//!
//! [`MemoryEventBus`] does it within one process: the embedded default, `memory://`. A stream is
//! capped in events and bytes, and goes when it has been idle for long. A subscriber only keeps
//! its place in the stream, so a slow one costs nobody anything: when the stream is trimmed past
//! its place it gets a gap.

mod memory;

pub use memory::{MemoryEventBus, StreamLimits};
