//! A network that misbehaves on demand.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod carry;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Stands between clients and a server on a loopback port of its own. Needs a tokio runtime; its
/// connections are reset when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    counts: Arc<Counts>,
    serving: JoinHandle<()>,
}

/// What happens to connections.
#[derive(Debug, Clone, Copy)]
struct Network {
    mode: Mode,
    /// Connections of earlier generations are reset.
    generation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Bytes arrive so much later.
    Pass(Duration),
    Hang,
    Refuse,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl FaultProxy {
    /// Starts to pass everything on to `target`, which need not listen yet.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pass = Network { mode: Mode::Pass(Duration::ZERO), generation: 0 };
        let (network, state) = watch::channel(pass);
        let counts = Arc::new(Counts::default());
        let counted = Arc::clone(&counts);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.accepted.fetch_add(1, Ordering::SeqCst);
                counted.open.fetch_add(1, Ordering::SeqCst);
                let (counted, state) = (Arc::clone(&counted), state.clone());
                tokio::spawn(async move {
                    carry::carry(client, target, state).await;
                    counted.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, network, counts, serving }
    }

    /// Where clients connect to.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that came so far.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// Connections there are.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// Lets bytes through.
    pub fn pass(&self) {
        self.delay(Duration::ZERO);
    }

    /// Lets bytes through, so much later each way. They stay as many as before.
    pub fn delay(&self, delay: Duration) {
        self.set(Mode::Pass(delay));
    }

    /// Swallows bytes both ways; connections stay open and new ones are accepted.
    pub fn hang(&self) {
        self.set(Mode::Hang);
    }

    /// Resets connections, those there are and new ones.
    pub fn refuse(&self) {
        self.set(Mode::Refuse);
    }

    /// Resets the connections there are, once.
    pub fn cut(&self) {
        self.network.send_modify(|network| network.generation += 1);
    }

    fn set(&self, mode: Mode) {
        self.network.send_modify(|network| network.mode = mode);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
