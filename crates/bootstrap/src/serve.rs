use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::process::{Process, ProcessError};
use crate::roles::Role;
use crate::settings::{Overrides, Settings, SettingsError};
use crate::telemetry::{self, TelemetryError};

/// What every process of the fleet is told on its command line.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// TOML file of settings; `alphafleet config dump` prints one.
    #[arg(long, env = "ALPHAFLEET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the embedded database, objects, keys and scratch files.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on [default: the settings' own for each kind of process].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// E.g. `info`, `warn`, or `info,alphafleet_worker=debug`.
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
}

/// Why a process does not serve, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl ServeArgs {
    /// The settings these arguments lead to.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        let overrides = Overrides {
            data_dir: self.data_dir.clone(),
            listen: self.listen,
            log_level: self.log.clone(),
        };
        Settings::load(self.config.as_deref(), overrides)
    }
}

/// Runs a process of the fleet until SIGINT or SIGTERM, which drain it.
pub async fn serve(role: Role, args: &ServeArgs) -> Result<(), ServeError> {
    let mut settings = args.settings()?;
    if role != Role::Standalone {
        settings = settings.shared()?;
    }
    if let Some(listen) = args.listen {
        settings.health.training_worker = listen;
        settings.health.backtest_worker = listen;
        settings.health.monitoring_worker = listen;
    }
    telemetry::start(&settings.log)?;
    let process = Process::start(role, &settings).await?;
    let scheme = match role {
        Role::Standalone | Role::Gateway if settings.server.tls_key.is_some() => "https",
        _ => "http",
    };
    let url = format!("{scheme}://{}", process.address());
    eprintln!("{} serves {url}", role.name());
    if let Some((_, file)) = process.setup_token() {
        eprintln!("create the first administrator with the token in {}:", file.display());
        eprintln!("  alphafleet user setup NAME --url {url}");
    }
    tokio::spawn(cancel_on_signal(process.shutdown_token()));
    Ok(process.wait().await?)
}

/// The main of a binary that is one process of the fleet: exit code 0 after an orderly end, 2 when
/// the caller can mend what went wrong, else 1.
pub fn run(role: Role, args: &ServeArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&error, 1),
    };
    match runtime.block_on(serve(role, args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ ServeError::Settings(_)) => report(&error, 2),
        Err(error) => report(&error, 1),
    }
}

fn report(error: &dyn std::error::Error, code: u8) -> ExitCode {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let text: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("error: {}", text.join(": "));
    ExitCode::from(code)
}

/// SIGINT and SIGTERM ask for an orderly end.
pub async fn cancel_on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    shutdown.cancel();
    Ok(())
}
