use std::fmt;
use std::time::Duration;

use lapin::uri::AMQPUri;
use thiserror::Error;

/// How to reach a RabbitMQ, and what things are called there. `Debug` leaves the URL out: it may
/// hold a password.
#[derive(Clone)]
pub struct RabbitSettings {
    /// `amqp://user:password@host:port/vhost`, or `amqps://…` for TLS.
    pub url: String,
    /// Exchanges and queues are named `namespace.…`.
    pub namespace: String,
    pub queue_type: QueueType,
    /// PEM of the authority that signed the server's certificate; otherwise the system's
    /// authorities are trusted.
    pub ca_pem: Option<Vec<u8>>,
    /// How long connecting, and how long one call, may take.
    pub patience: Duration,
    /// Name of the connection, as the server shows it.
    pub connection_name: String,
}

/// What the queues are made of. A queue that exists keeps its type: another one needs another
/// namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    /// On one node. Tickets are hints, and the dispatcher replaces lost ones.
    #[default]
    Classic,
    /// Replicated over a cluster.
    Quorum,
}

impl QueueType {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Quorum => "quorum",
        }
    }
}

impl RabbitSettings {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            namespace: "alphafleet".to_owned(),
            queue_type: QueueType::default(),
            ca_pem: None,
            patience: Duration::from_secs(5),
            connection_name: format!("alphafleet {}", std::process::id()),
        }
    }

    pub(super) fn uri(&self) -> Result<AMQPUri, SettingsError> {
        let mut uri: AMQPUri = self.url.parse().map_err(SettingsError::Url)?;
        // A server that hangs is noticed without anyone asking it.
        uri.query.heartbeat.get_or_insert(10);
        let millis = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX);
        uri.query.connection_timeout.get_or_insert(millis);
        Ok(uri)
    }
}

impl fmt::Debug for RabbitSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitSettings")
            .field("namespace", &self.namespace)
            .field("queue_type", &self.queue_type)
            .finish_non_exhaustive()
    }
}

/// Why settings are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    #[error("expected amqp://user:password@host:port/vhost or amqps://…: {0}")]
    Url(String),
    #[error("the authority's certificate is not PEM text")]
    Authority,
}
