use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_gateway::{GatewayError, Server, ServerConfig};
use alphafleet_worker::WorkerError;
use secrecy::SecretString;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backends::{Backends, StartError, make_folder};
use crate::fleet::Fleet;
use crate::keys::{Keys, SetupToken};
use crate::settings::Settings;

/// The embedded fleet: gateway, worker, dispatcher, relay and expirer in this process.
pub struct Standalone {
    address: SocketAddr,
    setup_token: Option<SetupToken>,
    shutdown: CancellationToken,
    tasks: JoinSet<Result<(), StandaloneError>>,
}

#[derive(Debug, Error)]
pub enum StandaloneError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the key {} cannot be used", file.display())]
    Key { file: PathBuf, source: io::Error },
    #[error("{address} cannot be listened on")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("the users cannot be read")]
    Users(#[from] alphafleet_domain::ports::StoreError),
    #[error("the gateway cannot start")]
    Gateway(#[from] GatewayError),
    #[error("the gateway stopped")]
    Serve(#[source] io::Error),
    #[error("the worker stopped")]
    Worker(#[from] WorkerError),
    #[error("this program's own file is not found")]
    Program(#[source] io::Error),
    #[error("a part of the fleet ended badly")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Standalone {
    /// Starts everything; answers when requests are served. Children run this same program with
    /// the argument `child`.
    pub async fn start(settings: &Settings) -> Result<Self, StandaloneError> {
        let backends = Backends::open(settings).await?;
        let scratch = settings.data_dir.join("scratch");
        make_folder(&scratch)?;
        let keys = Keys::open(settings, &backends).await?;
        let setup_token = keys.setup.clone();
        let fleet = Fleet::new(settings, &backends);
        let worker = fleet.worker(settings, &backends, scratch.join("jobs"))?;
        let uploads = scratch.join("uploads");
        fresh_folder(&uploads)?;
        let gateway = fleet.gateway(settings, &backends, uploads, keys, &worker)?;
        let mut config = ServerConfig::new(settings.server.listen);
        config.drain = settings.server.shutdown_grace;
        let listen = |source| StandaloneError::Listen { address: settings.server.listen, source };
        let server = Server::bind(Arc::new(gateway), config).map_err(listen)?;
        let address = server.address().map_err(listen)?;
        let shutdown = CancellationToken::new();
        let tasks = fleet.spawn(server, worker, backends.events, &shutdown);
        info!(%address, "ready");
        Ok(Self { address, setup_token, shutdown, tasks })
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// While there is no user yet: what creates the first one, and where it is written.
    pub fn setup_token(&self) -> Option<(&SecretString, &std::path::Path)> {
        self.setup_token.as_ref().map(|token| (&token.secret, token.file.as_path()))
    }

    /// Ends the fleet when cancelled.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Waits for the end. When one part fails the others are shut down.
    pub async fn wait(mut self) -> Result<(), StandaloneError> {
        let mut ended = Ok(());
        while let Some(task) = self.tasks.join_next().await {
            let task = task.map_err(StandaloneError::from).and_then(|ended| ended);
            if task.is_err() {
                self.shutdown.cancel();
                ended = ended.and(task);
            }
        }
        info!("stopped");
        ended
    }
}

/// Uploads that an earlier process left half done are of no use to anyone.
fn fresh_folder(folder: &std::path::Path) -> Result<(), StartError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StartError::Folder { folder: folder.to_owned(), source })
        }
        _ => make_folder(folder),
    }
}
