//! The live relay: one hub a followed job reads the event bus, turns each event into a frame once,
//! and puts the shared bytes into the bounded queue of every socket that follows the job. A queue
//! never makes a hub wait: a client that falls behind is told of a gap and gets a snapshot.

mod admission;
mod connect;
mod connection;
mod connections;
mod follow;
mod frame;
mod hub;
mod queue;
mod snapshot;
mod ticket;

pub(crate) use connect::connect;
pub(crate) use connections::Connections;
pub(crate) use hub::Hubs;
pub(crate) use ticket::{Tickets, issue_ticket};
