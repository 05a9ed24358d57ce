//! Entries and exits by factor expressions.

mod config;
mod entry_order;
mod strategy;

pub use config::RuleConfig;
pub use entry_order::EntryOrder;
pub use strategy::Rules;
