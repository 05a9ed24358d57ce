//! Callbacks as their receivers see them: from a job's end in the store to a real HTTP server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fleet;
mod guarded;
mod receiver;
mod retried;
mod secured;
mod signed;
