//! The engine, order by order and cost by cost, on small markets worked out by hand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod accounts;
mod costs;
mod events;
mod exits;
mod gaps;
mod ledger;
mod orders;
mod pairs;
mod refusals;
mod rule_orders;
mod strategies;
mod support;
mod universe;
