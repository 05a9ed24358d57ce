//! The store ports, each method one transaction.

mod catalogue;
mod fleet;
mod jobs;
mod users;
