use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::ports::RetentionPolicy;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Connections to PostgreSQL this process opens at most.
    pub max_connections: u32,
    /// How long a request may wait for a free one.
    #[serde(with = "humantime_serde")]
    pub checkout_timeout: Duration,
    /// How long one statement may take.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// Whether the URL leads to PgBouncer in transaction mode, which keeps no session.
    pub pgbouncer: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// Exchanges and queues are named `namespace.…`: installations can share a RabbitMQ.
    pub namespace: String,
    /// Once declared, a queue keeps its type: another one needs another namespace.
    pub queue_type: QueueKind,
    /// Queues of resource classes besides the usual ones, e.g. `training.gpu`.
    pub resource_queues: Vec<Queue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    /// On one node: fast, and safe because tickets are only hints.
    Classic,
    /// Replicated over a cluster.
    Quorum,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSettings {
    /// Keys and channels are named `namespace:…`: installations can share a Redis.
    pub namespace: String,
}

/// TLS towards the services; whether it is used is up to their URLs (`amqps`, `rediss`,
/// `sslmode`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM file of the authority that signed the services' certificates; without one the
    /// system's authorities are trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    pub listen: SocketAddr,
    /// Threads that serve requests.
    pub threads: u32,
    /// PEM files; with both the gateway speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_certificate: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// How long an access token is good for.
    #[serde(with = "humantime_serde")]
    pub token_ttl: Duration,
    /// Between two pings on a WebSocket.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// The largest file a dataset may be imported from.
    pub max_upload_mib: u64,
    /// Requests of one user a second.
    pub requests_per_user_per_second: u32,
    /// How long running requests may go on after a shutdown was asked for.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
}

/// The address where a process other than a gateway answers `/healthz`, `/readyz` and `/metrics`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthSettings {
    pub training_worker: SocketAddr,
    pub backtest_worker: SocketAddr,
    pub monitoring_worker: SocketAddr,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Jobs of the queue `training` at once.
    pub training_slots: u32,
    /// Jobs of the queue `default` at once.
    pub default_slots: u32,
    /// Jobs of the queue `backtest` at once.
    pub backtest_slots: u32,
    /// Resource classes this worker serves: the queues `training.gpu` and `backtest.gpu` for `gpu`,
    /// with as many slots as those without a class.
    pub resource_classes: Vec<String>,
    /// Threads one job computes with; 0 shares the cores out among the training slots, or among
    /// the backtest slots of a worker that has no others.
    pub threads_per_job: u32,
    /// Memory one job may use, in MiB; 0 sets no limit.
    pub memory_mib_per_job: u64,
    /// Between two signs of life.
    #[serde(with = "humantime_serde")]
    pub beat: Duration,
    /// A worker silent for longer has lost its jobs.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// How long a job told to stop may take before it is killed.
    #[serde(with = "humantime_serde")]
    pub stop_grace: Duration,
}

/// Announcing a job's end to an address of its owner's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbackSettings {
    /// Networks inside the house that may be called all the same, e.g. `10.20.0.0/16`.
    pub allowed_networks: Vec<String>,
}

/// How long what is kept. Jobs, models and reports stay until they are deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionSettings {
    /// Per-step metrics and resource samples of jobs that have ended.
    #[serde(with = "humantime_serde")]
    pub series: Duration,
    /// Log lines of jobs that have ended.
    #[serde(with = "humantime_serde")]
    pub logs: Duration,
    /// How long a repeated request is recognised.
    #[serde(with = "humantime_serde")]
    pub idempotency_keys: Duration,
    /// Callbacks that were delivered or given up.
    #[serde(with = "humantime_serde")]
    pub callbacks: Duration,
    /// Workers that have fallen silent.
    #[serde(with = "humantime_serde")]
    pub workers: Duration,
    /// Files of attempts that nobody points to, counted from the end of their job.
    #[serde(with = "humantime_serde")]
    pub files: Duration,
    /// Size of all computed columns together; the least recently used go first.
    pub feature_cache_mib: u64,
    /// Between two looks.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

impl RetentionSettings {
    pub(crate) const fn policy(&self) -> RetentionPolicy {
        RetentionPolicy {
            series: self.series,
            logs: self.logs,
            idempotency_keys: self.idempotency_keys,
            callbacks: self.callbacks,
            workers: self.workers,
            batch: 1_000,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// E.g. `info`, or `info,alphafleet_worker=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}
