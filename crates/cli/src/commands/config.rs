use std::process::ExitCode;

use crate::args::{Config, Global};
use crate::output;

pub fn run(global: &Global, config: Config) -> anyhow::Result<ExitCode> {
    match config {
        Config::Check(serve) => {
            serve.settings()?;
            if !global.json {
                println!("the settings are good");
            }
        }
        Config::Dump(serve) if global.json => output::json(&serve.settings()?)?,
        Config::Dump(serve) => print!("{}", serve.settings()?.dump()?),
    }
    Ok(ExitCode::SUCCESS)
}
