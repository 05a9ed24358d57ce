use std::path::{Path, PathBuf};
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

/// Several gateways may share a data folder: each has uploads of its own, and removes those that
/// dead ones on this machine left half done.
pub(super) fn uploads(settings: &Settings) -> Result<PathBuf, ProcessError> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let prefix = format!("uploads-{}-", host.trim());
    let uploads = scratch(settings, &format!("{prefix}{}", std::process::id()))?;
    fresh_folder(&uploads)?;
    for entry in uploads.parent().into_iter().flat_map(std::fs::read_dir).flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_pid = |pid: &&str| pid.bytes().all(|byte| byte.is_ascii_digit());
        let Some(pid) = name.strip_prefix(&prefix).filter(is_pid) else { continue };
        if !Path::new("/proc").join(pid).exists() {
            // One that cannot be removed is in nobody's way.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
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
