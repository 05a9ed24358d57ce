use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};
use tracing::debug;

/// A second hold on a connection, to cut it off with: as long as its client reads nothing, the
/// server waits to write and closes nothing.
#[derive(Debug)]
pub(super) struct Hangup(Socket);

/// Keeps a second hold on every new connection, as long as the connection's own data.
pub(crate) fn keep_hold(stream: &dyn Any, data: &mut Extensions) {
    let secured = || stream.downcast_ref::<TlsStream<TcpStream>>().map(|tls| tls.get_ref().0);
    let Some(stream) = stream.downcast_ref::<TcpStream>().or_else(secured) else { return };
    match SockRef::from(stream).try_clone() {
        Ok(socket) => drop(data.insert(Arc::new(Hangup(socket)))),
        Err(error) => debug!(%error, "a connection cannot be held twice"),
    }
}

impl Hangup {
    /// Ends the connection at once; what was not read yet is lost.
    pub fn cut(&self) {
        let _ = self.0.set_linger(Some(Duration::ZERO));
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}
