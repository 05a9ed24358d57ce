//! The PostgreSQL side: connections, and the queries compiled for it.

mod bulk;

use std::time::Duration;

use alphafleet_domain::ports::StoreError;
use diesel::ConnectionError;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures::FutureExt;

use crate::OpenError;
use crate::error::unavailable;

pub(crate) type Connection = AsyncPgConnection;

const MAX_CONNECTIONS: usize = 16;
const CHECKOUT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Commits are synchronous whatever the server's default: an acknowledged submit is never lost.
const SESSION: &str = "SET statement_timeout = '15s'; SET lock_timeout = '10s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on; \
    SET TIME ZONE 'UTC'; SET application_name = 'alphafleet'";

pub(crate) fn pool(url: &str) -> Result<Pool<Connection>, OpenError> {
    let mut config = ManagerConfig::<Connection>::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|url| connect(url.to_owned()).boxed());
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    Pool::builder(manager)
        .max_size(MAX_CONNECTIONS)
        .build()
        .map_err(|error| OpenError::Connect(Box::new(error)))
}

async fn connect(url: String) -> Result<Connection, ConnectionError> {
    let connecting = async {
        let mut connection = Connection::establish(&url).await?;
        connection
            .batch_execute(SESSION)
            .await
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
        Err(ConnectionError::BadConnection("the server did not answer in time".to_owned()))
    })
}

pub(crate) async fn checkout(pool: &Pool<Connection>) -> Result<Object<Connection>, StoreError> {
    match tokio::time::timeout(CHECKOUT_TIMEOUT, pool.get()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(unavailable(error)),
        Err(_) => Err(unavailable("all connections are busy")),
    }
}

/// The database's clock.
const NOW: &str = "clock_timestamp()";

const NEXT_PUBLICATION: &str = "clock_timestamp() + publish_wait_ms * interval '1 millisecond'";

/// Locks the rows a query reads until the transaction ends.
macro_rules! locking {
    ($query:expr) => {
        diesel::QueryDsl::for_update($query)
    };
}

/// Like `locking!`, but does not stand in the way of rows that refer to the locked ones.
macro_rules! locking_weakly {
    ($query:expr) => {
        diesel::QueryDsl::for_no_key_update($query)
    };
}

/// Locks the rows a query reads and passes over those that others have locked.
macro_rules! locking_free {
    ($query:expr) => {
        diesel::QueryDsl::skip_locked(diesel::QueryDsl::for_update($query))
    };
}

/// Runs an insert for many rows, in as few statements as the database allows.
macro_rules! insert_all {
    ($connection:expr, $rows:expr, |$values:ident| $insert:expr) => {
        for $values in $rows.chunks(1_000) {
            $insert.execute($connection).await?;
        }
    };
}

/// Held until the transaction ends: whoever comes second waits.
async fn lock_gate(connection: &mut Connection, gate: i64) -> diesel::QueryResult<()> {
    use diesel_async::RunQueryDsl;
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
        .bind::<diesel::sql_types::BigInt, _>(gate)
        .execute(connection)
        .await
        .map(|_| ())
}

pub(crate) use bulk::{candidates, end_attempts, update_jobs};

#[path = "queries/mod.rs"]
pub(crate) mod queries;
