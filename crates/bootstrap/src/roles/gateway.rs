use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_gateway::{Gateway, Server};

use super::{fresh_folder, scratch};
use crate::backends::Backends;
use crate::keys::Keys;
use crate::parts::Parts;
use crate::process::{Process, ProcessError};
use crate::settings::Settings;
use crate::translate::server_config;

pub(super) async fn start(settings: &Settings) -> Result<Process, ProcessError> {
    let parts = Parts::new(settings, Backends::open(settings).await?);
    let keys = Keys::open(settings, parts.backends()).await?;
    let setup_token = keys.setup.clone();
    let gateway = parts.gateway(keys, uploads(settings)?)?;
    let (server, mut process) = bind(settings, gateway)?;
    process = process.with_setup_token(setup_token);
    process.spawn(|token| async move { server.run(token).await.map_err(ProcessError::Serve) });
    parts.spawn_loops(&mut process);
    Ok(process)
}

/// Several gateways may share a data folder: each has uploads of its own.
pub(super) fn uploads(settings: &Settings) -> Result<PathBuf, ProcessError> {
    let uploads = scratch(settings, &format!("uploads-{}", std::process::id()))?;
    fresh_folder(&uploads)?;
    Ok(uploads)
}

pub(super) fn bind(
    settings: &Settings,
    gateway: Gateway,
) -> Result<(Server, Process), ProcessError> {
    let listen = |source| ProcessError::Listen { address: settings.server.listen, source };
    let server =
        Server::bind(Arc::new(gateway), server_config(&settings.server)).map_err(listen)?;
    let address = server.address().map_err(listen)?;
    Ok((server, Process::new(address)))
}
