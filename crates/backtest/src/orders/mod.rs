//! Orders: what a strategy may give, and how they wait.

mod book;
mod desk;
mod open;
mod types;

pub(crate) use book::{BookFill, OrderBook};
pub(crate) use desk::Instruction;
pub use desk::Orders;
pub(crate) use open::{OpenOrder, Phase};
pub use types::{
    CancelReason, OrderId, OrderKind, OrderOutcome, OrderRecord, OrderRequest, TimeInForce, Trail,
};
