//! Factors of a file, without any server.

mod check;
mod compute;
mod evaluate;
mod fundamentals;
mod source;
mod target;

use std::process::ExitCode;

use tokio::task::spawn_blocking;

use crate::args::{Factors, Global};

pub async fn run(global: &Global, factors: Factors) -> anyhow::Result<ExitCode> {
    let json = global.json;
    match factors {
        Factors::Check { expression, announcements } => {
            check::run(json, &expression, announcements.as_deref())
        }
        Factors::Compute(request) => spawn_blocking(move || compute::run(json, &request)).await?,
        Factors::Evaluate(request) => spawn_blocking(move || evaluate::run(json, &request)).await?,
    }
}
