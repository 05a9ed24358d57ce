use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::url::{Backend, BackendUrl, UrlError};

/// Everything an operator can set. Later sources win: defaults, the configuration file, the
/// environment (`DATABASE_URL`, `BROKER_URL`, `EVENTS_URL`, `STORAGE_URL`, and `ALPHAFLEET__…`
/// with `__` between the levels, e.g. `ALPHAFLEET__SERVER__LISTEN`), the command line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the embedded database, objects, keys and scratch files are.
    pub data_dir: PathBuf,
    /// `sqlite://…` or `postgres://…`; by default SQLite in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_url: Option<BackendUrl>,
    pub broker_url: BackendUrl,
    pub events_url: BackendUrl,
    /// `file://…`; by default the data folder's `objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_url: Option<BackendUrl>,
    pub server: ServerSettings,
    pub worker: WorkerSettings,
    pub log: LogSettings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    pub listen: SocketAddr,
    /// How long an access token is good for.
    #[serde(with = "humantime_serde")]
    pub token_ttl: Duration,
    /// Between two pings on a WebSocket.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// The largest file a dataset may be imported from.
    pub max_upload_mib: u64,
    /// How long running requests may go on after a shutdown was asked for.
    #[serde(with = "humantime_serde")]
    pub shutdown_grace: Duration,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// Jobs of the queue `training` at once.
    pub training_slots: u32,
    /// Jobs of the queue `default` at once.
    pub default_slots: u32,
    /// Threads one job computes with; 0 shares the cores out among the training slots.
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

/// The defaults, as the file an operator would write.
const DEFAULTS: &str = include_str!("defaults.toml");

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub data_dir: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
    pub log_level: Option<String>,
}

impl Settings {
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, SettingsError> {
        let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(data_dir) = default_data_dir() {
            builder = builder.set_default("data_dir", data_dir)?;
        }
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        builder = builder.add_source(
            Environment::with_prefix("ALPHAFLEET").prefix_separator("__").separator("__"),
        );
        for name in ["database_url", "broker_url", "events_url", "storage_url"] {
            let set = std::env::var(name.to_uppercase()).ok();
            builder = builder.set_override_option(name, set)?;
        }
        let settings: Self = builder
            .set_override_option("data_dir", overrides.data_dir.map(|d| d.display().to_string()))?
            .set_override_option("server.listen", overrides.listen.map(|l| l.to_string()))?
            .set_override_option("log.level", overrides.log_level)?
            .build()?
            .try_deserialize()?;
        settings.checked()
    }

    /// The settings as TOML, passwords in URLs left out.
    pub fn dump(&self) -> Result<String, SettingsError> {
        Ok(toml::to_string_pretty(self)?)
    }

    pub fn database(&self) -> BackendUrl {
        let embedded = || BackendUrl::file("sqlite", &self.data_dir.join("alphafleet.db"));
        self.database_url.clone().unwrap_or_else(embedded)
    }

    pub fn storage(&self) -> BackendUrl {
        let embedded = || BackendUrl::file("file", &self.data_dir.join("objects"));
        self.storage_url.clone().unwrap_or_else(embedded)
    }

    fn checked(mut self) -> Result<Self, SettingsError> {
        self.data_dir = std::path::absolute(&self.data_dir)
            .map_err(|_| SettingsError::Invalid { field: "data_dir", why: "is not a path" })?;
        self.database().check("database_url", &[Backend::Sqlite, Backend::Postgres])?;
        self.broker_url.check("broker_url", &[Backend::Memory])?;
        self.events_url.check("events_url", &[Backend::Memory])?;
        self.storage().check("storage_url", &[Backend::File])?;
        let worker = &self.worker;
        let faults = [
            (worker.training_slots == 0, "worker.training_slots", "must be at least 1"),
            (worker.default_slots == 0, "worker.default_slots", "must be at least 1"),
            (worker.beat.is_zero(), "worker.beat", "must be longer than 0"),
            (worker.window < worker.beat * 2, "worker.window", "must be at least two beats"),
            (self.server.max_upload_mib == 0, "server.max_upload_mib", "must be at least 1"),
            (self.server.heartbeat.is_zero(), "server.heartbeat", "must be longer than 0"),
            (self.server.token_ttl.is_zero(), "server.token_ttl", "must be longer than 0"),
        ];
        match faults.into_iter().find(|(bad, ..)| *bad) {
            Some((_, field, why)) => Err(SettingsError::Invalid { field, why }),
            None => Ok(self),
        }
    }
}

/// In the user's home; without one the operator has to choose.
fn default_data_dir() -> Option<String> {
    let set = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?;
    Some(base.join("alphafleet").display().to_string())
}

/// Why settings are refused: always the operator's to mend.
#[derive(Debug, Error)]
pub enum SettingsError {
    #[error("{0}")]
    Read(#[from] config::ConfigError),
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error("{field} {why}")]
    Invalid { field: &'static str, why: &'static str },
    #[error("the settings cannot be written as TOML")]
    Dump(#[from] toml::ser::Error),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn load(text: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alphafleet.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(&file), Overrides::default())
    }

    #[test]
    fn defaults_are_embedded() {
        let settings = load("data_dir = '/var/lib/alphafleet'").unwrap();
        assert_eq!(settings.database().as_str(), "sqlite:///var/lib/alphafleet/alphafleet.db");
        assert_eq!(settings.storage().as_str(), "file:///var/lib/alphafleet/objects");
        assert_eq!(settings.worker.training_slots, 2);
    }

    #[test]
    fn a_dump_loads_again_without_passwords() {
        let text = "data_dir = '/d'\ndatabase_url = 'postgres://me:secret@db/alphafleet'";
        let dump = load(text).unwrap().dump().unwrap();
        assert!(!dump.contains("secret"), "{dump}");
        load(&dump).unwrap();
    }

    #[test]
    fn faults_name_their_field() {
        for (text, field) in [
            ("broker_url = 'kafka://x'", "broker_url"),
            ("database_url = 'memory://'", "database_url"),
            ("[worker]\nwindow = '1s'", "worker.window"),
            ("[worker]\ntraining_slots = 0", "worker.training_slots"),
            ("[server]\nlistn = '1'", "listn"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(field), "{text}: {error}");
        }
    }
}
