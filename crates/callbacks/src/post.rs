use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::time::timeout;

use crate::connect::{ConnectError, connect};
use crate::{AddressGuard, CallbackUrl};

/// Of an answer's head and body no more is read.
const MOST_HEAD_BYTES: usize = 32 << 10;
const MOST_BODY_BYTES: usize = 64 << 10;

const COURTESY: Duration = Duration::from_millis(500);

const AGENT: &str = concat!("alphafleet/", env!("CARGO_PKG_VERSION"));

/// Posts a signed body to where its owner wants it.
pub(crate) struct Poster {
    pub guard: AddressGuard,
    pub tls: Arc<ClientConfig>,
    pub timeout: Duration,
}

/// What is posted.
pub(crate) struct Letter {
    pub id: String,
    pub timestamp: i64,
    pub signature: String,
    pub body: Bytes,
}

#[derive(Debug, Error)]
pub(crate) enum PostError {
    #[error("no answer in time")]
    TimedOut,
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("the exchange broke off: {0}")]
    Http(#[from] hyper::Error),
}

impl Poster {
    /// The status of the answer. Redirects are not followed.
    pub async fn post(&self, url: &CallbackUrl, letter: Letter) -> Result<StatusCode, PostError> {
        let exchange = self.exchange(url, letter);
        timeout(self.timeout, exchange).await.unwrap_or(Err(PostError::TimedOut))
    }

    async fn exchange(&self, url: &CallbackUrl, letter: Letter) -> Result<StatusCode, PostError> {
        let request = request(url, letter)?;
        let stream = connect(url, &self.guard, &self.tls).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MOST_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        let answered = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            // What was answered is known: the rest is mere courtesy.
            let _ = timeout(COURTESY, drain(answer.into_body())).await;
            Ok(status)
        };
        tokio::pin!(answered, connection);
        // The connection is driven only as long as the answer is wanted.
        tokio::select! {
            biased;
            answer = &mut answered => answer,
            ended = &mut connection => {
                ended?;
                answered.await
            }
        }
    }
}

fn request(url: &CallbackUrl, letter: Letter) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
    Request::builder()
        .method(Method::POST)
        .uri(url.resource())
        .header(HOST, url.authority())
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header("webhook-id", letter.id)
        .header("webhook-timestamp", letter.timestamp)
        .header("webhook-signature", letter.signature)
        .body(Full::new(letter.body))
}

/// Reads a body to its end, if that is near, so that the receiver sees no broken connection.
async fn drain(mut body: Incoming) {
    let mut left = MOST_BODY_BYTES;
    while !body.is_end_stream() {
        let Some(Ok(frame)) = body.frame().await else { return };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        if bytes > left {
            return;
        }
        left -= bytes;
    }
}
