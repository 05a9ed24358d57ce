//! One file a verb.

mod announce;
mod backtest;
pub mod child;
mod config;
mod connect;
mod convert;
mod data;
mod demo;
mod factors;
mod feature_results;
mod features;
mod local;
mod members;
mod migrate;
mod prompt;
mod results;
mod serve;
mod session;
mod strategy;
mod summary;
mod train;
mod user;

use std::process::ExitCode;

use alphafleet_bootstrap::Role;

use crate::args::{Args, Command};

/// Runs a command to its exit code.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let global = args.global;
    match args.command {
        Command::Demo(demo) => demo::run(&global, demo).await,
        Command::Standalone(serve) => serve::run(Role::Standalone, serve).await,
        Command::Gateway(serve) => serve::run(Role::Gateway, serve).await,
        Command::Migrate(migrate) => migrate::run(&global, migrate).await,
        Command::User(user) => user::run(&global, user).await,
        Command::Data(data) => data::run(&global, data).await,
        Command::Factors(factors) => factors::run(&global, factors).await,
        Command::Features(features) => features::run(&global, features).await,
        Command::Strategy(strategy) => strategy::run(&global, strategy).await,
        Command::Train(train) => train::run(&global, train).await,
        Command::Backtest(backtest) => backtest::run(&global, backtest).await,
        Command::Session(session) => session::run(&global, session).await,
        Command::Config(config) => config::run(&global, config),
        Command::Child => Ok(child::run()),
    }
}
