use std::process::ExitCode;

use serde_json::json;

use crate::args::{Global, Migrate};
use crate::output;

pub async fn run(global: &Global, migrate: Migrate) -> anyhow::Result<ExitCode> {
    let settings = migrate.server.settings()?;
    let changed = match migrate.revert {
        true => alphafleet_bootstrap::revert_last_migration(&settings).await?,
        false => alphafleet_bootstrap::migrate(&settings).await?,
    };
    if global.json {
        output::json(&json!({ "migrations": changed, "reverted": migrate.revert }))?;
    } else if changed.is_empty() {
        println!("nothing to do");
    } else {
        let done = if migrate.revert { "took back" } else { "applied" };
        changed.iter().for_each(|name| println!("{done} {name}"));
    }
    Ok(ExitCode::SUCCESS)
}
