use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::BrokerError;
use lapin::tcp::OwnedTLSConfig;
use lapin::types::LongString;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::{RabbitSettings, SettingsError};

/// The one connection of this process, opened again by whoever needs it first: any number of
/// consumers that lost it make one attempt between them.
pub(super) struct Link {
    uri: AMQPUri,
    name: LongString,
    authority: Option<String>,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<Connection>>,
    failures: u32,
    /// No attempt before.
    not_before: Option<Instant>,
    closed: bool,
}

impl Link {
    pub fn new(settings: &RabbitSettings) -> Result<Self, SettingsError> {
        let authority = match &settings.ca_pem {
            Some(pem) => {
                Some(String::from_utf8(pem.clone()).map_err(|_| SettingsError::Authority)?)
            }
            None => None,
        };
        Ok(Self {
            uri: settings.uri()?,
            name: settings.connection_name.as_str().into(),
            authority,
            patience: settings.patience,
            state: Mutex::default(),
        })
    }

    pub const fn patience(&self) -> Duration {
        self.patience
    }

    /// A channel of its own on the connection.
    pub async fn channel(&self) -> Result<Channel, BrokerError> {
        let connection = self.connection().await?;
        within(self.patience, connection.create_channel()).await
    }

    pub async fn connection(&self) -> Result<Arc<Connection>, BrokerError> {
        let mut state = self.state.lock().await;
        if state.closed {
            return Err(BrokerError::Closed);
        }
        if let Some(connection) = state.connection.as_ref().filter(|c| c.status().connected()) {
            return Ok(Arc::clone(connection));
        }
        state.connection = None;
        if state.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(unavailable("the last attempt to connect has just failed"));
        }
        match self.connect().await {
            Ok(connection) => {
                if state.failures > 0 {
                    info!("RabbitMQ is reached again");
                }
                let connection = Arc::new(connection);
                *state = State { connection: Some(Arc::clone(&connection)), ..State::default() };
                Ok(connection)
            }
            Err(error) => {
                state.failures += 1;
                state.not_before = Some(Instant::now() + back_off(state.failures));
                if state.failures == 1 {
                    warn!(error = %source(&error), "RabbitMQ is not reached");
                }
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Connection, BrokerError> {
        let properties = ConnectionProperties::default().with_connection_name(self.name.clone());
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.authority.clone() };
        let runtime = lapin::runtime::default_runtime().map_err(unavailable)?;
        let uri = self.uri.clone();
        let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
        within(self.patience, connecting).await
    }

    pub async fn close(&self) {
        let mut state = self.state.lock().await;
        state.closed = true;
        if let Some(connection) = state.connection.take() {
            let closing = connection.close(200, "the process ends".into());
            let _ = timeout(Duration::from_secs(2), closing).await;
        }
    }
}

/// Doubles from 50 ms to a second.
fn back_off(failures: u32) -> Duration {
    Duration::from_millis((25_u64 << failures.min(6)).min(1_000))
}

/// A call of the client that takes no longer than that: one that reconnects may hang for the whole
/// outage.
pub(super) async fn within<T>(
    patience: Duration,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match timeout(patience, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unavailable(error)),
        Err(late) => Err(unavailable(late)),
    }
}

pub(super) fn unavailable(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> BrokerError {
    BrokerError::Unavailable(source.into())
}

fn source(error: &BrokerError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
