use std::path::PathBuf;
use std::sync::Arc;

use crate::migrations;
use crate::{OpenError, StoreOptions, postgres, sqlite};

/// Every store port on one database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    pub(crate) database: Arc<Database>,
}

pub(crate) enum Database {
    Postgres(Box<postgres::Database>),
    Sqlite(sqlite::Database),
}

impl Store {
    /// Opens `sqlite:///absolute/path.db`, `sqlite://relative.db` or `postgres://…`.
    ///
    /// A SQLite file is made if it is missing, and belongs to this process alone until the last
    /// clone is dropped. PostgreSQL is connected to when first used.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Self::open_with(url, StoreOptions::default()).await
    }

    /// Like [`Store::open`], with options for PostgreSQL.
    pub async fn open_with(url: &str, options: StoreOptions) -> Result<Self, OpenError> {
        let database = if let Some(path) = url.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains('?') {
                return Err(OpenError::UnknownUrl(url.to_owned()));
            }
            Database::Sqlite(sqlite::Database::open(PathBuf::from(path)).await?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Database::Postgres(Box::new(postgres::Database::open(url, &options)?))
        } else {
            let scheme = url.split("://").next().unwrap_or_default();
            return Err(OpenError::UnknownUrl(scheme.chars().take(64).collect()));
        };
        Ok(Self { database: Arc::new(database) })
    }

    /// `sqlite` or `postgres`.
    pub fn backend(&self) -> &'static str {
        match &*self.database {
            Database::Postgres(_) => "postgres",
            Database::Sqlite(_) => "sqlite",
        }
    }

    /// Applies the migrations that are missing and names them. One migrator works at a time;
    /// others wait for it.
    pub async fn migrate(&self) -> Result<Vec<String>, OpenError> {
        match &*self.database {
            Database::Postgres(database) => migrations::migrate_postgres(&database.connector).await,
            Database::Sqlite(database) => migrations::migrate_sqlite(database).await,
        }
    }

    /// Takes back the newest migration and names it; `None` when there is none.
    pub async fn revert_last_migration(&self) -> Result<Option<String>, OpenError> {
        match &*self.database {
            Database::Postgres(database) => migrations::revert_postgres(&database.connector).await,
            Database::Sqlite(database) => migrations::revert_sqlite(database).await,
        }
    }

    /// Refuses a schema older than this build needs. A newer one is fine: neighbouring versions
    /// work side by side.
    pub async fn check_schema(&self) -> Result<(), OpenError> {
        match &*self.database {
            Database::Postgres(database) => migrations::check_postgres(&database.connector).await,
            Database::Sqlite(database) => migrations::check_sqlite(database).await,
        }
    }
}

/// Runs one query body in a transaction of its own on either database.
///
/// The SQLite transaction is a task, so that a caller who goes away leaves none open.
macro_rules! write {
    ($store:expr, |$connection:ident, $queries:ident| $body:expr) => {{
        let answer: Result<_, crate::error::Fault> = match &*$store.database {
            crate::store::Database::Postgres(database) => {
                use crate::postgres::queries as $queries;
                let mut connection = database.checkout().await?;
                diesel_async::AsyncConnection::transaction(
                    &mut *connection,
                    async move |$connection: &mut crate::postgres::Connection| $body.await,
                )
                .await
            }
            crate::store::Database::Sqlite(database) => {
                use crate::sqlite::queries as $queries;
                let mut writer = database.writer().await;
                let task = tokio::spawn(async move {
                    let answer: Result<_, crate::error::Fault> = writer
                        .connection
                        .immediate_transaction(
                            async move |$connection: &mut crate::sqlite::Connection| $body.await,
                        )
                        .await;
                    if let Err(fault) = &answer {
                        writer.recover(fault).await;
                    }
                    answer
                });
                task.await.map_err(crate::error::unavailable)?
            }
        };
        answer.map_err(|fault| fault.0)
    }};
}

/// Runs one query body that only reads.
macro_rules! read {
    ($store:expr, |$connection:ident, $queries:ident| $body:expr) => {{
        let answer: Result<_, crate::error::Fault> = match &*$store.database {
            crate::store::Database::Postgres(database) => {
                use crate::postgres::queries as $queries;
                let mut connection = database.checkout().await?;
                let $connection: &mut crate::postgres::Connection = &mut connection;
                $body.await
            }
            crate::store::Database::Sqlite(database) => {
                use crate::sqlite::queries as $queries;
                let mut connection = database.reader().await?;
                let task = tokio::spawn(async move {
                    let $connection: &mut crate::sqlite::Connection = &mut connection;
                    $body.await
                });
                task.await.map_err(crate::error::unavailable)?
            }
        };
        answer.map_err(|fault| fault.0)
    }};
}

pub(crate) use {read, write};
