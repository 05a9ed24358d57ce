use std::time::Duration;

use alphafleet_domain::ports::EventsError;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisError, RedisResult};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::settings::Server;

/// The one connection that carries this process's commands, opened again by whoever needs it first.
pub(super) struct Link {
    server: Server,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    /// Counts connections, so that who lost an old one does not drop its successor.
    generation: u64,
    failures: u32,
    /// No attempt before.
    not_before: Option<Instant>,
}

impl Link {
    pub fn new(server: Server, patience: Duration) -> Self {
        Self { server, patience, state: Mutex::default() }
    }

    /// Does something over the connection. When that fails for want of it, the next call opens
    /// another.
    pub async fn call<T>(
        &self,
        work: impl AsyncFnOnce(&mut MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, EventsError> {
        let (mut connection, generation) = self.connection().await?;
        match timeout(self.patience, work(&mut connection)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                if is_lost(&error) {
                    self.lost(generation).await;
                }
                Err(unavailable(error))
            }
            Err(late) => {
                self.lost(generation).await;
                Err(unavailable(late))
            }
        }
    }

    /// A connection of its own for messages.
    pub async fn messages(&self) -> Result<PubSub, EventsError> {
        let opening = async { self.server.client().await?.get_async_pubsub().await };
        match timeout(self.patience, opening).await {
            Ok(opened) => opened.map_err(unavailable),
            Err(late) => Err(unavailable(late)),
        }
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), EventsError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.generation));
        }
        if state.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(unavailable("the last attempt to connect has just failed"));
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience))
            .set_response_timeout(Some(self.patience));
        let opening = async {
            let client = self.server.client().await?;
            client.get_multiplexed_async_connection_with_config(&config).await
        };
        let opened = match timeout(self.patience, opening).await {
            Ok(opened) => opened.map_err(unavailable),
            Err(late) => Err(unavailable(late)),
        };
        match opened {
            Ok(connection) => {
                if state.failures > 0 {
                    info!("Redis is reached again");
                }
                let generation = state.generation + 1;
                let kept = Some(connection.clone());
                *state = State { connection: kept, generation, ..State::default() };
                Ok((connection, generation))
            }
            Err(error) => {
                state.failures += 1;
                let wait = (25_u64 << state.failures.min(6)).min(1_000);
                state.not_before = Some(Instant::now() + Duration::from_millis(wait));
                if state.failures == 1 {
                    warn!(%error, "Redis is not reached");
                }
                Err(error)
            }
        }
    }

    async fn lost(&self, generation: u64) {
        let mut state = self.state.lock().await;
        if state.generation == generation {
            state.connection = None;
        }
    }
}

/// Whether the connection is of no more use: it broke, it hangs, or it leads to a server that is
/// no longer the one to write to.
fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || error.code().is_some_and(|code| code == "READONLY" || code == "LOADING")
}

pub(super) fn unavailable(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> EventsError {
    EventsError::Unavailable(source.into())
}
