//! The gateway as a client sees it: over HTTP and WebSocket, on the real store, bus and storage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod access;
mod backtests;
mod batches;
mod callbacks;
mod contract;
mod downloads;
mod families;
mod feature_values;
mod features;
mod harness;
mod importer;
mod live;
mod live_limits;
mod outages;
mod page;
mod remote;
mod sessions;
mod several;
mod socket;
mod stats;
mod strategies;
mod tasks;
mod tls;
mod training;
mod uploads;
