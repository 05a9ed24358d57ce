//! Ticket delivery.
//!
//! [`MemoryBroker`] moves tickets within one process: the embedded default, `memory://`. It has
//! the semantics of the networked brokers, so that a worker cannot tell them apart: consumers
//! with prefetch 1 over several queues, late acknowledgement, redelivery of what was dropped.

mod memory;

pub use memory::MemoryBroker;
