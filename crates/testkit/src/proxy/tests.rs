use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);

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

async fn connected(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// What comes back of a text.
async fn says(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    timeout(DEADLINE, stream.read_exact(&mut answer)).await.unwrap()?;
    Ok(String::from_utf8(answer).unwrap())
}

async fn is_reset(stream: &mut TcpStream) -> bool {
    let read = timeout(DEADLINE, stream.read(&mut [0; 1])).await.unwrap();
    read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn a_network_that_refuses_resets_old_and_new_connections() {
    let proxy = FaultProxy::start(echo().await).await;
    let mut stream = connected(&proxy).await;
    assert_eq!(says(&mut stream, "hello").await.unwrap(), "hello");
    proxy.refuse();
    assert!(is_reset(&mut stream).await);
    assert!(is_reset(&mut connected(&proxy).await).await);
    proxy.pass();
    assert_eq!(says(&mut connected(&proxy).await, "again").await.unwrap(), "again");
    assert_eq!(proxy.accepted(), 3);
}

#[tokio::test]
async fn a_cut_resets_old_connections_alone() {
    let proxy = FaultProxy::start(echo().await).await;
    let mut streams = [connected(&proxy).await, connected(&proxy).await];
    for stream in &mut streams {
        assert_eq!(says(stream, "hello").await.unwrap(), "hello");
    }
    assert_eq!(proxy.open(), 2);
    proxy.cut();
    for stream in &mut streams {
        assert!(is_reset(stream).await);
    }
    let mut stream = connected(&proxy).await;
    assert_eq!(says(&mut stream, "new").await.unwrap(), "new");
    assert_eq!((proxy.accepted(), proxy.open()), (3, 1));
}

#[tokio::test]
async fn a_network_that_hangs_swallows_bytes_and_ends() {
    let proxy = FaultProxy::start(echo().await).await;
    let mut stream = connected(&proxy).await;
    assert_eq!(says(&mut stream, "hello").await.unwrap(), "hello");
    proxy.hang();
    let mut new = connected(&proxy).await;
    for stream in [&mut stream, &mut new] {
        stream.write_all(b"lost").await.unwrap();
        let silence = timeout(Duration::from_millis(200), stream.read(&mut [0; 1])).await;
        assert!(silence.is_err(), "{silence:?}");
    }
    proxy.pass();
    assert_eq!(says(&mut stream, "found").await.unwrap(), "found");
    assert_eq!(says(&mut new, "found").await.unwrap(), "found");
}

#[tokio::test]
async fn a_network_that_hangs_does_not_tell_that_nobody_listens() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = FaultProxy::start(gone).await;
    assert!(is_reset(&mut connected(&proxy).await).await);
    proxy.hang();
    let mut stream = connected(&proxy).await;
    let silence = timeout(Duration::from_millis(200), stream.read(&mut [0; 1])).await;
    assert!(silence.is_err(), "{silence:?}");
    proxy.pass();
    assert!(is_reset(&mut stream).await);
}

#[tokio::test]
async fn delayed_bytes_arrive_later_and_as_many() {
    let proxy = FaultProxy::start(echo().await).await;
    let mut stream = connected(&proxy).await;
    let delay = Duration::from_millis(100);
    proxy.delay(delay);
    let started = Instant::now();
    assert_eq!(says(&mut stream, "late").await.unwrap(), "late");
    assert!(started.elapsed() >= 2 * delay, "there and back");
    let (mut from, mut to) = stream.split();
    let count = 16 << 20;
    let started = Instant::now();
    let write = async {
        to.write_all(&vec![7; count]).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let (read, ()) = tokio::join!(from.read_to_end(&mut back), write);
    assert_eq!(read.unwrap(), count);
    // One after the other these chunks would take more than a minute and a half.
    assert!(started.elapsed() < DEADLINE, "{:?}", started.elapsed());
}

#[tokio::test]
async fn an_end_is_passed_on_after_the_last_bytes() {
    let proxy = FaultProxy::start(echo().await).await;
    let mut stream = connected(&proxy).await;
    stream.write_all(b"the last").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, "the last");
    let deadline = Instant::now() + DEADLINE;
    while proxy.open() > 0 {
        assert!(Instant::now() < deadline, "the connection stays");
        tokio::task::yield_now().await;
    }
}
