//! A network that misbehaves on demand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Stands between a client and a server on a loopback port of its own. Needs a tokio runtime.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<State>,
    accepted: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

/// What the network does with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes go through.
    None,
    /// Bytes arrive so much later.
    Delay(Duration),
    /// Bytes are swallowed both ways; connections stay open.
    Hang,
    /// Open connections are reset and new ones closed.
    Refuse,
}

#[derive(Debug, Clone, Copy)]
struct State {
    fault: Fault,
    /// Connections older than this are reset.
    generation: u64,
}

impl FaultProxy {
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (fault, state) = watch::channel(State { fault: Fault::None, generation: 0 });
        let accepted = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&accepted);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(client, target, state.clone()));
            }
        });
        Self { address, fault, accepted, serving }
    }

    /// Where clients connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that came so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send_modify(|state| state.fault = fault);
    }

    /// Resets the connections there are; new ones are as before.
    pub fn cut(&self) {
        self.fault.send_modify(|state| state.generation += 1);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn carry(client: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let born = state.borrow().generation;
    let reset = |state: &State| state.fault == Fault::Refuse || state.generation != born;
    if reset(&state.borrow_and_update()) {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    // Closing with unread bytes, or after this, is a reset and not an orderly end.
    client.set_zero_linger().ok();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, state.clone()) => {}
        () = pump(from_server, to_client, state.clone()) => {}
        _ = state.wait_for(reset) => {}
    }
}

/// One direction, until it ends.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let fault = state.borrow().fault;
        match fault {
            Fault::Hang => continue,
            Fault::Delay(delay) => tokio::time::sleep(delay).await,
            Fault::None | Fault::Refuse => {}
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    /// A server that sends back what it gets.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        address
    }

    async fn says(stream: &mut TcpStream, text: &[u8]) -> Option<Vec<u8>> {
        stream.write_all(text).await.ok()?;
        let mut answer = vec![0; text.len()];
        let read = timeout(Duration::from_millis(300), stream.read_exact(&mut answer)).await;
        read.ok()?.ok().map(|_| answer)
    }

    #[tokio::test]
    async fn faults_come_and_go() {
        let proxy = FaultProxy::start(echo().await).await;
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(says(&mut stream, b"hello").await.unwrap(), b"hello");
        proxy.set(Fault::Hang);
        assert!(says(&mut stream, b"lost").await.is_none());
        proxy.set(Fault::Delay(Duration::from_millis(1)));
        assert_eq!(says(&mut stream, b"late").await.unwrap(), b"late");
        proxy.set(Fault::Refuse);
        assert!(says(&mut stream, b"reset").await.is_none());
        let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(says(&mut refused, b"refused").await.is_none());
        proxy.set(Fault::None);
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(says(&mut stream, b"again").await.unwrap(), b"again");
        proxy.cut();
        assert!(says(&mut stream, b"cut").await.is_none());
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(says(&mut stream, b"new").await.unwrap(), b"new");
        assert_eq!(proxy.accepted(), 4);
    }
}
