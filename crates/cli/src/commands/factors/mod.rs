//! Factors of a file, without any server.

mod evaluate;
mod source;

use std::process::ExitCode;

use crate::args::{Factors, Global};

pub async fn run(global: &Global, factors: Factors) -> anyhow::Result<ExitCode> {
    let json = global.json;
    match factors {
        Factors::Evaluate(args) => {
            tokio::task::spawn_blocking(move || evaluate::run(json, &args)).await??;
        }
    }
    Ok(ExitCode::SUCCESS)
}
