use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpServer;
use socket2::SockRef;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::gateway::Gateway;
use crate::live::keep_hold;
use crate::routes;
use crate::tls::{TlsFiles, server_config};

/// Bytes of an answer put together before they are written.
const WRITE_BUFFER: usize = 64 << 10;

/// Where and how a gateway listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Port 0 takes a free one, see [`Server::address`].
    pub address: SocketAddr,
    /// Threads that serve requests; at least 1.
    pub threads: usize,
    /// How long requests in progress may take after a shutdown.
    pub drain: Duration,
    /// How long a client may leave unread what was sent to it; then its connection is cut.
    pub stall: Duration,
    /// With them it speaks TLS, and nothing else.
    pub tls: Option<TlsFiles>,
}

impl ServerConfig {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            threads: 2,
            drain: Duration::from_secs(10),
            stall: Duration::from_secs(60),
            tls: None,
        }
    }
}

/// A gateway with its bound address.
pub struct Server {
    gateway: Arc<Gateway>,
    config: ServerConfig,
    listener: std::net::TcpListener,
    tls: Option<rustls::ServerConfig>,
}

impl Server {
    /// Fails when the address is taken, or when the TLS files cannot be used.
    pub fn bind(gateway: Arc<Gateway>, config: ServerConfig) -> io::Result<Self> {
        let tls = config.tls.as_ref().map(server_config).transpose()?;
        let listener = std::net::TcpListener::bind(config.address)?;
        // Connections inherit it: whoever reads nothing would keep one open for ever.
        SockRef::from(&listener).set_tcp_user_timeout(Some(config.stall))?;
        Ok(Self { gateway, config, listener, tls })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`; then closes the sockets (1001), lets requests in progress end and
    /// returns. Needs a tokio runtime.
    pub async fn run(self, shutdown: CancellationToken) -> io::Result<()> {
        let Self { gateway, config, listener, tls } = self;
        let address = listener.local_addr()?;
        gateway.hubs.live_on(tokio::runtime::Handle::current());
        let app = gateway.clone();
        let server = HttpServer::new(move || routes::app(app.clone()))
            .workers(config.threads.max(1))
            .on_connect(keep_hold)
            .disable_signals()
            .shutdown_timeout(config.drain.as_secs().max(1))
            // A small frame is not to wait for the answer to the one before.
            .tcp_nodelay(true)
            // Frames written at once, to one client.
            .h1_write_buffer_size(WRITE_BUFFER)
            .client_request_timeout(Duration::from_secs(10))
            .client_disconnect_timeout(Duration::from_secs(5));
        let is_secure = tls.is_some();
        let server = match tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls)?,
            None => server.listen(listener)?,
        };
        let server = server.run();
        info!(%address, tls = is_secure, "the gateway serves");
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
