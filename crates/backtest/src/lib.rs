//! Backtests over panels of bars. Everything is pure: no file, socket, clock or global state.
//!
//! [`run`] walks a [`Market`] bar by bar: a [`Strategy`] gives orders from what a [`View`] shows,
//! and an exact [`Ledger`](ledger::Ledger) keeps the account. [`qlib`] is Qlib's daily backtest,
//! figure by figure. A [`Plan`](plan::Plan) is either of them as one document; a [`Sweep`] runs
//! many over one market.

pub mod analysis;
mod config;
mod engine;
mod error;
mod exchange;
pub mod ledger;
mod market;
mod orders;
mod period;
pub mod plan;
mod profile;
pub mod qlib;
mod range;
mod side;
mod signal;
mod sorter;
pub mod strategies;
mod sweep;
mod walk_forward;

pub use config::{AccountConfig, Config};
pub use engine::{
    BacktestResult, BarPosition, Contribution, DayReport, Fill, HeldPosition, HoldingIncome,
    PositionHistory, Strategy, Trade, TradeLog, run,
};
pub use error::BacktestError;
pub use exchange::{CostConfig, DealPrice, Slippage};
pub use market::{ActionKind, Bar, CorporateAction, Market, View};
pub use orders::{
    CancelReason, OrderId, OrderKind, OrderOutcome, OrderRecord, OrderRequest, Orders, TimeInForce,
    Trail,
};
pub use period::{default_period, period_bars};
pub use profile::MarketProfile;
pub use side::Side;
pub use signal::{Score, Signal};
pub use sweep::Sweep;
pub use walk_forward::{BarReturn, WalkForward, Window, WindowResult, walk_forward_windows};
