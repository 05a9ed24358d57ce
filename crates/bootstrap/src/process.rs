use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use alphafleet_gateway::GatewayError;
use alphafleet_worker::WorkerError;
use secrecy::SecretString;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backends::StartError;
use crate::keys::SetupToken;

/// A running process of the fleet, whatever its role: some tasks that end together.
pub struct Process {
    address: SocketAddr,
    setup_token: Option<SetupToken>,
    shutdown: CancellationToken,
    tasks: JoinSet<Result<(), ProcessError>>,
}

#[derive(Debug, Error)]
pub enum ProcessError {
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
    #[error("callbacks cannot be delivered")]
    Callbacks(#[from] alphafleet_callbacks::CallbackError),
    #[error("worker.resource_classes")]
    Queue(#[from] alphafleet_domain::job::QueueError),
    #[error("requests are no longer served")]
    Serve(#[source] io::Error),
    #[error("the worker stopped")]
    Worker(#[from] WorkerError),
    #[error("this program's own file is not found")]
    Program(#[source] io::Error),
    #[error("a part of the process ended badly")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Process {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let shutdown = CancellationToken::new();
        Self { address, setup_token: None, shutdown, tasks: JoinSet::new() }
    }

    pub(crate) fn with_setup_token(mut self, token: Option<SetupToken>) -> Self {
        self.setup_token = token;
        self
    }

    /// Adds a part that ends when its token is cancelled, and is not to end before.
    pub(crate) fn spawn<W>(&mut self, part: impl FnOnce(CancellationToken) -> W)
    where
        W: Future<Output = Result<(), ProcessError>> + Send + 'static,
    {
        self.tasks.spawn(part(self.shutdown.clone()));
    }

    /// Adds a loop that cannot fail.
    pub(crate) fn spawn_loop<W>(&mut self, part: impl FnOnce(CancellationToken) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let work = part(self.shutdown.clone());
        self.tasks.spawn(async move {
            work.await;
            Ok(())
        });
    }

    /// Where it answers HTTP.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Of a gateway while there is no user yet: what creates the first one, and where it is written.
    pub fn setup_token(&self) -> Option<(&SecretString, &Path)> {
        self.setup_token.as_ref().map(|token| (&token.secret, token.file.as_path()))
    }

    /// Ends the process when cancelled.
    pub fn shutdown_token(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Waits for the end. When one part fails the others are shut down.
    pub async fn wait(mut self) -> Result<(), ProcessError> {
        let mut ended = Ok(());
        while let Some(task) = self.tasks.join_next().await {
            let task = task.map_err(ProcessError::from).and_then(|ended| ended);
            if task.is_err() {
                self.shutdown.cancel();
                ended = ended.and(task);
            }
        }
        info!("stopped");
        ended
    }
}
