//! The loop of market, strategy and account.

mod execute;
mod result;
mod run;
mod settle;
mod strategy;
mod trades;

pub use result::{
    BacktestResult, BarPosition, Contribution, DayReport, Fill, HeldPosition, HoldingIncome,
    PositionHistory,
};
pub use run::run;
pub use strategy::Strategy;
pub use trades::{Trade, TradeLog};
