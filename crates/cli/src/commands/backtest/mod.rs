//! Backtests, on the fleet or without any server.

mod fleet;
mod local;
mod options;
mod period;
pub mod summary;
mod sweep;
mod template;

use std::process::ExitCode;

use crate::args::{Backtest, Global};

pub async fn run(global: &Global, backtest: Backtest) -> anyhow::Result<ExitCode> {
    options::check(&backtest)?;
    if let Some(name) = &backtest.template {
        return template::print(global.json, name);
    }
    if let Some(strategy) = &backtest.strategy {
        return fleet::run(global, strategy, &backtest).await;
    }
    match local::Request::of(backtest) {
        Some(request) => local::run(global.json, request).await,
        None => template::list(global.json),
    }
}
