//! Suites that every adapter of a port passes.

pub mod broker;
pub mod events;
pub mod stores;
