use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::gateway::Gateway;
use crate::routes;

/// Where and how a gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerConfig {
    /// Port 0 takes a free one, see [`Server::address`].
    pub address: SocketAddr,
    /// Threads that serve requests; at least 1.
    pub threads: usize,
    /// How long requests in progress may take after a shutdown.
    pub drain: Duration,
}

impl ServerConfig {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, threads: 2, drain: Duration::from_secs(10) }
    }
}

/// A gateway with its bound address.
pub struct Server {
    gateway: Arc<Gateway>,
    config: ServerConfig,
    listener: std::net::TcpListener,
}

impl Server {
    pub fn bind(gateway: Arc<Gateway>, config: ServerConfig) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(config.address)?;
        Ok(Self { gateway, config, listener })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`; then closes the sockets (1001), lets requests in progress end and
    /// returns. Needs a tokio runtime.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let Self { gateway, config, listener } = self;
        let address = listener.local_addr()?;
        gateway.hubs.live_on(tokio::runtime::Handle::current());
        let app = gateway.clone();
        let server = HttpServer::new(move || routes::app(app.clone()))
            .workers(config.threads.max(1))
            .disable_signals()
            .shutdown_timeout(config.drain.as_secs().max(1))
            .client_request_timeout(Duration::from_secs(10))
            .client_disconnect_timeout(Duration::from_secs(5))
            .listen(listener)?
            .run();
        info!(%address, "the gateway serves");
        let handle = server.handle();
        let stopper = async {
            shutdown.cancelled().await;
            gateway.shutdown.cancel();
            gateway.connections.drained(Duration::from_secs(2)).await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(server, stopper);
        info!("the gateway stopped");
        served
    }
}

/// Binds and serves in one step.
pub async fn run(
    gateway: Arc<Gateway>,
    config: ServerConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    Server::bind(gateway, config)?.run(shutdown).await
}
