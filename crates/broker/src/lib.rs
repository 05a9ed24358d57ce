//! Delivery of tickets: which queue has work.
//!
//! [`RabbitBroker`] carries them between processes, [`MemoryBroker`] within one. Both pass the
//! same conformance suite. Tickets are hints: a lost, doubled or reordered one does no harm.

mod memory;
mod rabbitmq;

pub use memory::MemoryBroker;
pub use rabbitmq::{QueueType, RabbitBroker, RabbitSettings, SettingsError};
