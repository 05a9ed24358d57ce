//! The SQLite side: one writer, some readers, a lock file, and the queries compiled for it.

mod rows;

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphafleet_domain::ports::StoreError;
use diesel::{ConnectionError, SqliteConnection};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use futures::FutureExt;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::OpenError;
use crate::error::{Fault, unavailable};

pub(crate) type Connection = SyncConnectionWrapper<SqliteConnection>;

const READERS: usize = 4;

/// `synchronous = FULL` in WAL mode: a commit that was answered survives a power cut.
const SESSION: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
    PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY";

pub(crate) struct Database {
    writer: Arc<Mutex<Writer>>,
    readers: Pool<Connection>,
    /// Its lock keeps a second process out; the system releases it when this one ends.
    _lock: File,
}

/// The one connection that writes.
pub(crate) struct Writer {
    pub connection: Connection,
    name: String,
}

impl Writer {
    async fn open(name: String) -> Result<Self, ConnectionError> {
        Ok(Self { connection: connect(name.clone(), SESSION).await?, name })
    }

    /// After a failure nobody knows in what transaction the connection is (a full disk, say, ends
    /// it behind diesel's back): a new one takes its place.
    pub async fn recover(&mut self, fault: &Fault) {
        if !matches!(fault.0, StoreError::Unavailable(_) | StoreError::Database(_)) {
            return;
        }
        match connect(self.name.clone(), SESSION).await {
            Ok(fresh) => self.connection = fresh,
            Err(error) => tracing::error!(%error, "the database cannot be opened again"),
        }
    }
}

impl Database {
    pub async fn open(path: PathBuf) -> Result<Self, OpenError> {
        let lock = lock(&path)?;
        let name = path.to_string_lossy().into_owned();
        let writer = Writer::open(name.clone())
            .await
            .map_err(|error| OpenError::Connect(Box::new(error)))?;
        let mut config = ManagerConfig::<Connection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|name| {
            connect(name.to_owned(), "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON").boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(name, config);
        let readers = Pool::builder(manager)
            .max_size(READERS)
            .build()
            .map_err(|error| OpenError::Connect(Box::new(error)))?;
        Ok(Self { writer: Arc::new(Mutex::new(writer)), readers, _lock: lock })
    }

    pub async fn writer(&self) -> OwnedMutexGuard<Writer> {
        self.writer.clone().lock_owned().await
    }

    pub async fn reader(&self) -> Result<Object<Connection>, StoreError> {
        self.readers.get().await.map_err(unavailable)
    }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let failed = |source| OpenError::File { path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = OsString::from(path);
    name.push(".lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(PathBuf::from(name))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

async fn connect(name: String, session: &str) -> Result<Connection, ConnectionError> {
    let mut connection = Connection::establish(&name).await?;
    connection.batch_execute(session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// The database's clock.
const NOW: &str = "CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000";

const NEXT_PUBLICATION: &str =
    "CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000 + publish_wait_ms * 1000";

/// There is one writer: what it reads is locked already.
macro_rules! locking {
    ($query:expr) => {
        $query
    };
}

macro_rules! locking_weakly {
    ($query:expr) => {
        $query
    };
}

macro_rules! locking_free {
    ($query:expr) => {
        $query
    };
}

/// Runs an insert for many rows; a statement takes one here.
macro_rules! insert_all {
    ($connection:expr, $rows:expr, |$values:ident| $insert:expr) => {
        for $values in $rows.iter() {
            $insert.execute($connection).await?;
        }
    };
}

/// The one writer is the gate.
async fn lock_gate(_connection: &mut Connection, _gate: i64) -> diesel::QueryResult<()> {
    Ok(())
}

pub(crate) use rows::{candidates, end_attempts, update_jobs};

#[path = "queries/mod.rs"]
pub(crate) mod queries;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use alphafleet_domain::AuditRecord;
    use alphafleet_domain::ports::AuditLog;
    use diesel_async::SimpleAsyncConnection;

    use crate::Store;
    use crate::store::Database;

    async fn append(
        store: &Store,
        bytes: usize,
    ) -> Result<(), alphafleet_domain::ports::StoreError> {
        let record = AuditRecord {
            at: chrono::DateTime::UNIX_EPOCH,
            user: None,
            action: "test".to_owned(),
            target: "disk".to_owned(),
            source: None,
            details: serde_json::json!({ "filling": "x".repeat(bytes) }),
        };
        store.append_audit(record).await.map(drop)
    }

    /// SQLite answers at its page limit what it answers on a full disk.
    async fn limit_pages(store: &Store, pragma: &str) {
        let Database::Sqlite(database) = &*store.database else { panic!("not SQLite") };
        database.writer().await.connection.batch_execute(pragma).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_passes() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        for bytes in [1, 4_000_000] {
            limit_pages(&store, "PRAGMA max_page_count = 1").await;
            let mut refused = None;
            for _ in 0..10_000 {
                refused = append(&store, bytes).await.err();
                if refused.is_some() {
                    break;
                }
            }
            let error = refused.expect("the disk is full");
            assert!(error.is_retryable(), "{error:?}");
            limit_pages(&store, "PRAGMA max_page_count = 1000000").await;
            append(&store, bytes).await.unwrap();
        }
    }
}
