//! The store ports, each method one transaction.

mod catalogue;
mod features;
mod fleet;
mod jobs;
mod users;
