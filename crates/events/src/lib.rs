//! Publish and subscribe with replay: what happens to jobs.
//!
//! [`RedisEventBus`] carries events between processes, [`MemoryEventBus`] within one. Both pass the
//! same conformance suite. Each job has a stream of numbered events with bounds in number, bytes
//! and age; whoever comes back with the last number they saw gets what came after it, or a gap.

mod memory;
mod redis;

pub use memory::{MemoryEventBus, StreamLimits};
pub use redis::{RedisEventBus, RedisSettings, SettingsError};
