use std::fmt;
use std::time::Duration;

/// How a store uses PostgreSQL; SQLite needs none of it.
#[derive(Clone)]
pub struct StoreOptions {
    /// Connections that are open at most.
    pub max_connections: usize,
    /// How long a call may wait for a free one.
    pub checkout_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// PEM of the authority that signed the server's certificate; otherwise the system's
    /// authorities are trusted.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether the URL leads to PgBouncer in transaction mode: no setting of a session is made.
    /// Statements are prepared, which PgBouncer supports from 1.21 (`max_prepared_statements`);
    /// older ones need session mode. Migrations lock a session and go to PostgreSQL directly.
    pub pgbouncer: bool,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: 16,
            checkout_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            ca_pem: None,
            pgbouncer: false,
        }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("max_connections", &self.max_connections)
            .field("pgbouncer", &self.pgbouncer)
            .finish_non_exhaustive()
    }
}
