use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Mode, Network};

/// Chunks under way in one direction.
const UNDER_WAY: usize = 1024;

/// Serves one connection until both directions ended, or it is reset.
pub(super) async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    network: watch::Receiver<Network>,
) {
    let mut reset = pin!(reset(network.clone()));
    let mut server = tokio::select! {
        biased;
        () = &mut reset => None,
        server = connect(target, network.clone()) => server,
    };
    let ended = match &mut server {
        Some(server) => {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let up = pump(from_client, to_server, network.clone());
            let down = pump(from_server, to_client, network.clone());
            let both = async { tokio::try_join!(up, down) };
            tokio::select! {
                biased;
                () = &mut reset => false,
                ended = both => ended.is_ok(),
            }
        }
        None => false,
    };
    if !ended {
        // Closing is a reset now, not an orderly end.
        for stream in [Some(client), server].into_iter().flatten() {
            stream.set_zero_linger().ok();
        }
    }
}

/// Waits until a connection that starts now is to be reset.
async fn reset(mut network: watch::Receiver<Network>) {
    let born = network.borrow().generation;
    let is_reset = |network: &Network| network.mode == Mode::Refuse || network.generation != born;
    network.wait_for(is_reset).await.ok();
}

/// `None` where nobody listens, which a client of a network that hangs does not learn.
async fn connect(target: SocketAddr, network: watch::Receiver<Network>) -> Option<TcpStream> {
    match TcpStream::connect(target).await {
        Ok(server) => {
            server.set_nodelay(true).ok();
            Some(server)
        }
        Err(_) => {
            passing(network).await;
            None
        }
    }
}

/// Waits until bytes go through.
async fn passing(mut network: watch::Receiver<Network>) {
    network.wait_for(|network| matches!(network.mode, Mode::Pass(_))).await.ok();
}

/// One direction, until its end was passed on.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    network: watch::Receiver<Network>,
) -> io::Result<()> {
    let (sender, mut under_way) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let read = async {
        // Dropped at the end, so that what is under way is the last.
        let sender = sender;
        loop {
            let mut chunk = Vec::with_capacity(16 * 1024);
            let count = from.read_buf(&mut chunk).await;
            let mode = network.borrow().mode;
            match (count, mode) {
                (Ok(1..), Mode::Pass(delay)) => {
                    if sender.send((Instant::now() + delay, chunk)).await.is_err() {
                        return Ok(());
                    }
                }
                (Ok(1..), Mode::Hang | Mode::Refuse) => {}
                (Ok(0), _) => {
                    passing(network.clone()).await;
                    return Ok(());
                }
                (Err(error), _) => {
                    passing(network.clone()).await;
                    return Err(error);
                }
            }
        }
    };
    let write = async {
        while let Some((due, chunk)) = under_way.recv().await {
            sleep_until(due).await;
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(|_| ())
}
