//! The gateway as a client sees it: over HTTP and WebSocket, on the real store, bus and storage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod contract;
mod downloads;
mod harness;
mod importer;
mod live;
mod live_limits;
mod page;
mod sessions;
mod socket;
mod strategies;
mod training;
mod uploads;
