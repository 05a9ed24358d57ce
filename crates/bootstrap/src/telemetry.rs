use std::io::IsTerminal;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::settings::{LogFormat, LogSettings};

/// Starts logging to standard error. Once a process.
pub fn start(settings: &LogSettings) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&settings.level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match settings.format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).finish().try_init()?,
        LogFormat::Json => log.json().finish().try_init()?,
    }
    Ok(())
}

#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error("log.level is not a filter such as 'info' or 'info,alphafleet_worker=debug'")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logging was started before")]
    Started(#[from] TryInitError),
}
