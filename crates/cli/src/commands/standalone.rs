use std::process::ExitCode;

use alphafleet_bootstrap::{Standalone, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::config;
use crate::args::Server;

pub async fn run(server: Server) -> anyhow::Result<ExitCode> {
    let settings = config::load(&server)?;
    telemetry::start(&settings.log)?;
    let fleet = Standalone::start(&settings).await?;
    eprintln!("alphafleet serves http://{}", fleet.address());
    if let Some((_, file)) = fleet.setup_token() {
        eprintln!("create the first administrator with the token in {}:", file.display());
        eprintln!("  alphafleet user setup NAME --url http://{}", fleet.address());
    }
    tokio::spawn(on_signal(fleet.shutdown_token()));
    fleet.wait().await?;
    Ok(ExitCode::SUCCESS)
}

/// SIGINT and SIGTERM ask for an orderly end.
pub async fn on_signal(shutdown: CancellationToken) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    shutdown.cancel();
    Ok(())
}
