use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Received {
    head: String,
    pub body: Vec<u8>,
}

impl Received {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value).unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }
}

/// How a receiver answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A status line and headers, then no body.
    Says(&'static str),
    /// A body without an end.
    Endless,
    /// A body that does not come.
    Halting,
    /// Takes the request and says nothing.
    Silence,
    /// Closes the connection.
    Nothing,
}

pub const OK: Answer = Answer::Says("204 No Content");

/// An HTTP server on a port of its own that answers as it is told, the last answer for ever.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub async fn start(answers: Vec<Answer>) -> Self {
        Self::listen(answers, None).await
    }

    pub async fn secure(answers: Vec<Answer>, tls: TlsAcceptor) -> Self {
        Self::listen(answers, Some(tls)).await
    }

    async fn listen(answers: Vec<Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (all, answers) = (received.clone(), Arc::new(answers));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, answers, tls) = (all.clone(), answers.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => drop(serve(stream, &all, &answers).await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(serve(stream, &all, &answers).await);
                            }
                        }
                    }
                });
            }
        });
        Self { address, received, serving }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    all: &Mutex<Vec<Received>>,
    answers: &[Answer],
) -> io::Result<()> {
    let request = read(&mut stream).await?;
    let count = {
        let mut all = all.lock().unwrap();
        all.push(request);
        all.len()
    };
    match answers[(count - 1).min(answers.len() - 1)].clone() {
        Answer::Says(status) => {
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
            stream.shutdown().await
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'x'; 8_192]).await?;
            }
        }
        Answer::Halting => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").await?;
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(())
        }
        Answer::Silence => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Ok(())
        }
        Answer::Nothing => Ok(()),
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Received> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let request = Received { head, body: bytes[end + 4..].to_vec() };
        let length: usize = request.header("content-length").parse().unwrap();
        if request.body.len() == length {
            return Ok(request);
        }
    }
}
