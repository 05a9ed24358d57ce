use std::process::ExitCode;

use alphafleet_bootstrap::{Overrides, Settings, SettingsError};

use crate::args::{Config, Global, Server};
use crate::output;

pub fn run(global: &Global, config: Config) -> anyhow::Result<ExitCode> {
    match config {
        Config::Check(server) => {
            load(&server)?;
            if !global.json {
                println!("the settings are good");
            }
        }
        Config::Dump(server) if global.json => output::json(&load(&server)?)?,
        Config::Dump(server) => print!("{}", load(&server)?.dump()?),
    }
    Ok(ExitCode::SUCCESS)
}

/// The settings that a server's arguments lead to.
pub fn load(server: &Server) -> Result<Settings, SettingsError> {
    let overrides = Overrides {
        data_dir: server.data_dir.clone(),
        listen: server.listen,
        log_level: server.log.clone(),
    };
    Settings::load(server.config.as_deref(), overrides)
}
