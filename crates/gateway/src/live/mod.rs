//! The live relay: one hub a followed job reads the event bus, writes each event as a frame once,
//! and puts the shared bytes into the bounded queue of every socket that follows the job. The
//! queue is the body of the socket's HTTP answer, so that the server writes many frames at once
//! and no task stands in between. A queue never makes a hub wait: a client that falls behind is
//! told of a gap and gets a snapshot.

mod admission;
mod batch;
mod body;
mod connect;
mod connection;
mod connections;
mod feed;
mod follow;
mod frame;
mod hangup;
mod hub;
mod line;
mod queue;
mod snapshot;
mod stats;
mod stream;
mod task;
mod ticket;
mod wire;

pub(crate) use connect::{connect, progress, train};
pub(crate) use connections::Connections;
pub(crate) use hangup::keep_hold;
pub(crate) use hub::Hubs;
pub(crate) use stats::stats;
pub(crate) use ticket::{issue_ticket, redeem};
