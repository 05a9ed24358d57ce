//! The schema, embedded.

use std::collections::HashSet;
use std::error::Error;

use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource};
use diesel::{RunQueryDsl as _, sql_query};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::postgres::Connector;
use crate::{OpenError, sqlite};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The version of the newest migration in both folders.
pub(crate) const NEWEST: &str = "20261215000000";

/// Any number will do that nothing else in the database locks.
const MIGRATOR: &str = "SELECT pg_advisory_lock(4702111234474983745)";

type Failure = Box<dyn Error + Send + Sync>;

pub(crate) async fn migrate_postgres(connector: &Connector) -> Result<Vec<String>, OpenError> {
    on_postgres(connector, |harness| {
        // Released with the connection.
        sql_query(MIGRATOR).execute(harness)?;
        run(harness, POSTGRES)
    })
    .await
    .map_err(OpenError::Migration)
}

pub(crate) async fn migrate_sqlite(database: &sqlite::Database) -> Result<Vec<String>, OpenError> {
    on_sqlite(database, |harness| run(harness, SQLITE)).await.map_err(OpenError::Migration)
}

pub(crate) async fn revert_postgres(connector: &Connector) -> Result<Option<String>, OpenError> {
    on_postgres(connector, |harness| {
        sql_query(MIGRATOR).execute(harness)?;
        revert(harness, POSTGRES)
    })
    .await
    .map_err(OpenError::Migration)
}

pub(crate) async fn revert_sqlite(
    database: &sqlite::Database,
) -> Result<Option<String>, OpenError> {
    on_sqlite(database, |harness| revert(harness, SQLITE)).await.map_err(OpenError::Migration)
}

pub(crate) async fn check_postgres(connector: &Connector) -> Result<(), OpenError> {
    let missing = on_postgres(connector, |harness| missing(harness, POSTGRES)).await;
    gate(missing)
}

pub(crate) async fn check_sqlite(database: &sqlite::Database) -> Result<(), OpenError> {
    let missing = on_sqlite(database, |harness| missing(harness, SQLITE)).await;
    gate(missing)
}

fn gate(missing: Result<Vec<String>, Failure>) -> Result<(), OpenError> {
    match missing.map_err(OpenError::Connect)? {
        missing if missing.is_empty() => Ok(()),
        missing => Err(OpenError::SchemaBehind(missing)),
    }
}

fn run<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>, Failure> {
    let applied = harness.run_pending_migrations(migrations)?;
    Ok(applied.into_iter().map(|version| version.to_string()).collect())
}

fn revert<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Option<String>, Failure> {
    if harness.applied_migrations()?.is_empty() {
        return Ok(None);
    }
    Ok(Some(harness.revert_last_migration(migrations)?.to_string()))
}

fn missing<DB: Backend>(
    harness: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<Vec<String>, Failure> {
    let applied: HashSet<String> =
        harness.applied_migrations()?.iter().map(ToString::to_string).collect();
    let all: Vec<Box<dyn Migration<DB>>> = MigrationSource::<DB>::migrations(&migrations)?;
    let versions = all.iter().map(|migration| migration.name().version().to_string());
    Ok(versions.filter(|version| !applied.contains(version)).collect())
}

/// Diesel migrates synchronously, so a thread of its own waits.
async fn on_postgres<T: Send + 'static>(
    connector: &Connector,
    work: impl FnOnce(&mut AsyncConnectionWrapper<AsyncPgConnection>) -> Result<T, Failure>
    + Send
    + 'static,
) -> Result<T, Failure> {
    let connection = connector.connect().await?;
    tokio::task::spawn_blocking(move || {
        work(&mut AsyncConnectionWrapper::<AsyncPgConnection>::from(connection))
    })
    .await?
}

async fn on_sqlite<T: Send + 'static>(
    database: &sqlite::Database,
    work: impl FnOnce(&mut diesel::SqliteConnection) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let mut writer = database.writer().await;
    writer.connection.spawn_blocking(move |connection| Ok(work(connection))).await?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use diesel::pg::Pg;
    use diesel::sqlite::Sqlite;

    use super::*;

    fn versions<DB: Backend>(migrations: EmbeddedMigrations) -> Vec<String> {
        let all: Vec<Box<dyn Migration<DB>>> =
            MigrationSource::<DB>::migrations(&migrations).unwrap();
        all.iter().map(|migration| migration.name().version().to_string()).collect()
    }

    #[test]
    fn both_databases_have_the_same_migrations_up_to_the_newest() {
        let postgres = versions::<Pg>(POSTGRES);
        assert_eq!(postgres, versions::<Sqlite>(SQLITE));
        assert_eq!(postgres.last().map(String::as_str), Some(NEWEST));
    }
}
