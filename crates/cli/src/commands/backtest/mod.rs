//! Backtests, without any server.

mod local;
mod summary;
mod template;

use std::process::ExitCode;

use crate::args::{Backtest, Global};

pub async fn run(global: &Global, backtest: Backtest) -> anyhow::Result<ExitCode> {
    if let Some(name) = &backtest.template {
        return template::print(global.json, name);
    }
    match local::Request::of(backtest) {
        Some(request) => local::run(global.json, request).await,
        None => template::list(global.json),
    }
}
