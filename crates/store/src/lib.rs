//! The job store and the catalogue on PostgreSQL and SQLite.
//!
//! [`Store`] implements every store port of the domain. The URL chooses the database. The queries
//! are written once, in `queries/`, and compiled for each database: `postgres.rs` and `sqlite.rs`
//! bring the connection type and the few things in which the two differ (row locks, the clock).
//! Time is the database's wherever liveness hangs on it.
#![allow(clippy::duplicate_mod, reason = "the queries are compiled once for each database")]

mod error;
mod migrations;
mod options;
mod ports;
mod postgres;
mod rows;
mod schema;
mod sqlite;
mod store;
mod transition;
mod values;

pub use error::OpenError;
pub use options::StoreOptions;
pub use store::Store;
