//! The PostgreSQL side: connections, and the queries compiled for it.

mod bulk;
mod connect;

use std::time::Duration;

use alphafleet_domain::ports::StoreError;
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use futures::FutureExt;

use crate::error::unavailable;
use crate::{OpenError, StoreOptions};

pub(crate) use connect::Connector;

pub(crate) type Connection = AsyncPgConnection;

/// A PostgreSQL, and connections to it.
pub(crate) struct Database {
    pub connector: Connector,
    pool: Pool<Connection>,
    checkout_timeout: Duration,
}

impl Database {
    /// Connects when first used.
    pub fn open(url: &str, options: &StoreOptions) -> Result<Self, OpenError> {
        let connector = Connector::new(url, options)?;
        let mut config = ManagerConfig::<Connection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        let opens = connector.clone();
        config.custom_setup = Box::new(move |_| {
            let connector = opens.clone();
            async move { connector.connect().await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config("", config);
        let pool = Pool::builder(manager)
            .max_size(options.max_connections.max(1))
            .build()
            .map_err(|error| OpenError::Connect(Box::new(error)))?;
        Ok(Self { connector, pool, checkout_timeout: options.checkout_timeout })
    }

    pub async fn checkout(&self) -> Result<Object<Connection>, StoreError> {
        match tokio::time::timeout(self.checkout_timeout, self.pool.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unavailable(error)),
            Err(_) => Err(unavailable("all connections are busy")),
        }
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
