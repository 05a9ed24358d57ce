//! The `alphafleet` binary: the embedded fleet, the jobs' child processes and the client verbs.

mod args;
mod client;
mod commands;
mod failure;
mod output;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    if let Command::Child = args.command {
        return commands::child::run();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::report(&error.into(), args.global.json),
    };
    let json = args.global.json;
    match runtime.block_on(commands::run(args)) {
        Ok(code) => code,
        Err(error) => failure::report(&error, json),
    }
}
