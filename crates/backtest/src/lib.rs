//! Backtests over panels of bars. Everything is pure: no file, socket, clock or global state.

mod error;
mod period;
pub mod qlib;
mod range;
mod signal;

pub use error::BacktestError;
pub use signal::{Score, Signal};
