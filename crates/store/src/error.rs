use std::path::PathBuf;

use alphafleet_domain::ports::StoreError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use thiserror::Error;

/// Why a database cannot be opened or used.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("'{0}' is not a database URL: expected sqlite:///path/to/file.db or postgres://…")]
    UnknownUrl(String),
    #[error(
        "the database {path} is in use by another process; stop it first, or give this one another database"
    )]
    InUse { path: PathBuf },
    #[error("the database file {path} cannot be opened")]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the database cannot be reached")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("sslmode is '{0}': expected disable, prefer, require, verify-ca or verify-full")]
    SslMode(String),
    #[error("the authority's certificate cannot be used")]
    Authority(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a migration failed")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The schema is older than this build needs.
    #[error("the database lacks the migrations {}; run `alphafleet migrate`", .0.join(", "))]
    SchemaBehind(Vec<String>),
}

/// What a query body fails with; diesel's errors become the port's.
#[derive(Debug)]
pub(crate) struct Fault(pub StoreError);

pub(crate) type Answer<T> = Result<T, Fault>;

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<DieselError> for Fault {
    fn from(error: DieselError) -> Self {
        let away = can_pass(&error);
        let source = Box::new(error);
        Self(if away { StoreError::Unavailable(source) } else { StoreError::Database(source) })
    }
}

/// Whether the same transaction can succeed later.
fn can_pass(error: &DieselError) -> bool {
    match error {
        DieselError::BrokenTransactionManager | DieselError::AlreadyInTransaction => true,
        DieselError::RollbackErrorOnCommit { commit_error, .. } => can_pass(commit_error),
        DieselError::DatabaseError(kind, detail) => is_away(kind, detail.message()),
        _ => false,
    }
}

/// Whether the same statement can succeed later. Several of these have no kind of their own.
fn is_away(kind: &DatabaseErrorKind, message: &str) -> bool {
    const PASSING: [&str; 13] = [
        // SQLite ends a transaction by itself for want of disk or memory, and then diesel's error
        // is that of its own rollback.
        "cannot rollback - no transaction",
        "database is locked",
        "deadlock detected",
        "canceling statement due to",
        "terminating connection",
        "terminating background",
        "the database system is",
        "too many clients",
        "remaining connection slots",
        "connection closed",
        "disk is full",
        "disk I/O error",
        "No space left on device",
    ];
    match kind {
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ReadOnlyTransaction => true,
        _ => PASSING.iter().any(|passing| message.contains(passing)),
    }
}

/// Names what is taken when a unique index refuses a row.
pub(crate) fn taken(error: DieselError, what: &'static str, name: &str) -> Fault {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Fault(StoreError::Conflict { what, name: name.to_owned() })
        }
        other => other.into(),
    }
}

pub(crate) fn unavailable(
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable(source.into())
}
