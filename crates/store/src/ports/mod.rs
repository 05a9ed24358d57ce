//! The store ports, each method one transaction.

mod catalogue;
mod jobs;
mod users;
