mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use sections::{
    BrokerSettings, CallbackSettings, DatabaseSettings, EventSettings, HealthSettings, LogFormat,
    LogSettings, QueueKind, RetentionSettings, ServerSettings, TlsSettings, WorkerSettings,
};

use crate::url::{Backend, BackendUrl, UrlError};

/// Everything an operator can set. Later sources win: defaults, the configuration file, the
/// environment (`DATABASE_URL`, `BROKER_URL`, `EVENTS_URL`, `STORAGE_URL`, and `ALPHAFLEET__…`
/// with `__` between the levels, e.g. `ALPHAFLEET__SERVER__LISTEN`), the command line. A URL that
/// holds a password can stand in a file: `DATABASE_URL_FILE` names it, and so on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the embedded database, objects, keys and scratch files are.
    pub data_dir: PathBuf,
    /// Where the keys are; by default the data folder. Gateways of one fleet share them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_dir: Option<PathBuf>,
    /// `sqlite://…` or `postgres://…`; by default SQLite in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_url: Option<BackendUrl>,
    /// `memory://` or `amqp(s)://…`.
    pub broker_url: BackendUrl,
    /// `memory://`, `redis(s)://…` or `redis+sentinel://…`.
    pub events_url: BackendUrl,
    /// `file://…`; by default the data folder's `objects`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_url: Option<BackendUrl>,
    pub database: DatabaseSettings,
    pub broker: BrokerSettings,
    pub events: EventSettings,
    pub tls: TlsSettings,
    pub server: ServerSettings,
    pub health: HealthSettings,
    pub worker: WorkerSettings,
    pub callbacks: CallbackSettings,
    pub retention: RetentionSettings,
    pub log: LogSettings,
}

/// The defaults, as the file an operator would write.
const DEFAULTS: &str = include_str!("../defaults.toml");

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
            builder = builder.set_override_option(name, from_environment(name)?)?;
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

    pub fn database_backend(&self) -> BackendUrl {
        let embedded = || BackendUrl::file("sqlite", &self.data_dir.join("alphafleet.db"));
        self.database_url.clone().unwrap_or_else(embedded)
    }

    pub fn keys_folder(&self) -> &Path {
        self.keys_dir.as_deref().unwrap_or(&self.data_dir)
    }

    pub fn storage_backend(&self) -> BackendUrl {
        let embedded = || BackendUrl::file("file", &self.data_dir.join("objects"));
        self.storage_url.clone().unwrap_or_else(embedded)
    }

    /// Refuses adapters that live within one process, for processes that are to meet.
    pub fn shared(self) -> Result<Self, SettingsError> {
        let database = self.database_backend();
        let embedded = [
            ("database_url", database.backend() == Some(Backend::Sqlite), "postgres://…"),
            ("broker_url", self.broker_url.backend() == Some(Backend::Memory), "amqp://…"),
            ("events_url", self.events_url.backend() == Some(Backend::Memory), "redis://…"),
        ];
        match embedded.into_iter().find(|(_, embedded, _)| *embedded) {
            Some((field, _, expected)) => Err(SettingsError::Embedded { field, expected }),
            None => Ok(self),
        }
    }

    fn checked(mut self) -> Result<Self, SettingsError> {
        self.data_dir = std::path::absolute(&self.data_dir)
            .map_err(|_| SettingsError::Invalid { field: "data_dir", why: "is not a path" })?;
        self.database_backend().check("database_url", &[Backend::Sqlite, Backend::Postgres])?;
        self.broker_url.check("broker_url", &[Backend::Memory, Backend::RabbitMq])?;
        self.events_url.check("events_url", &[Backend::Memory, Backend::Redis])?;
        self.storage_backend().check("storage_url", &[Backend::File])?;
        let (server, worker) = (&self.server, &self.worker);
        let half_tls = server.tls_certificate.is_some() != server.tls_key.is_some();
        let faults = [
            (self.database.max_connections == 0, "database.max_connections", "must be at least 1"),
            (self.broker.namespace.is_empty(), "broker.namespace", "must not be empty"),
            (self.events.namespace.is_empty(), "events.namespace", "must not be empty"),
            (half_tls, "server.tls_certificate", "and server.tls_key belong together"),
            (server.threads == 0, "server.threads", "must be at least 1"),
            (
                server.requests_per_user_per_second == 0,
                "server.requests_per_user_per_second",
                "must be at least 1",
            ),
            (self.retention.interval.is_zero(), "retention.interval", "must be longer than 0"),
            (worker.training_slots == 0, "worker.training_slots", "must be at least 1"),
            (worker.default_slots == 0, "worker.default_slots", "must be at least 1"),
            (worker.backtest_slots == 0, "worker.backtest_slots", "must be at least 1"),
            (worker.beat.is_zero(), "worker.beat", "must be longer than 0"),
            (worker.window < worker.beat * 2, "worker.window", "must be at least two beats"),
            (server.max_upload_mib == 0, "server.max_upload_mib", "must be at least 1"),
            (server.heartbeat.is_zero(), "server.heartbeat", "must be longer than 0"),
            (server.token_ttl.is_zero(), "server.token_ttl", "must be longer than 0"),
        ];
        match faults.into_iter().find(|(bad, ..)| *bad) {
            Some((_, field, why)) => Err(SettingsError::Invalid { field, why }),
            None => Ok(self),
        }
    }
}

/// A URL of the environment: `DATABASE_URL`, or what the file named by `DATABASE_URL_FILE` holds.
fn from_environment(name: &str) -> Result<Option<String>, SettingsError> {
    let name = name.to_uppercase();
    if let Ok(url) = std::env::var(&name) {
        return Ok(Some(url));
    }
    let variable = format!("{name}_FILE");
    let Some(file) = std::env::var_os(&variable).map(PathBuf::from) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&file) {
        Ok(url) => Ok(Some(url.trim().to_owned())),
        Err(source) => Err(SettingsError::SecretFile { variable, file, source }),
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
    #[error("{variable} names {}, which cannot be read", file.display())]
    SecretFile { variable: String, file: PathBuf, source: std::io::Error },
    #[error("{field} {why}")]
    Invalid { field: &'static str, why: &'static str },
    #[error(
        "{field} is the embedded default, which serves one process: set {}={expected}, or use `alphafleet standalone`",
        field.to_uppercase()
    )]
    Embedded { field: &'static str, expected: &'static str },
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
        assert_eq!(
            settings.database_backend().as_str(),
            "sqlite:///var/lib/alphafleet/alphafleet.db"
        );
        assert_eq!(settings.storage_backend().as_str(), "file:///var/lib/alphafleet/objects");
        assert_eq!((settings.worker.training_slots, settings.worker.backtest_slots), (2, 4));
    }

    #[test]
    fn a_dump_loads_again_without_passwords() {
        let text = "data_dir = '/d'\ndatabase_url = 'postgres://me:secret@db/alphafleet'";
        let dump = load(text).unwrap().dump().unwrap();
        assert!(!dump.contains("secret"), "{dump}");
        load(&dump).unwrap();
    }

    #[test]
    fn processes_that_are_to_meet_refuse_the_embedded_defaults() {
        let fleet = "database_url = 'postgres://db/a'\nbroker_url = 'amqp://mq'\n\
                     events_url = 'rediss://events'";
        load(fleet).unwrap().shared().unwrap();
        for (embedded, field) in [
            (fleet.replace("postgres://db/a", "sqlite:///a.db"), "database_url"),
            (fleet.replace("amqp://mq", "memory://"), "broker_url"),
            (fleet.replace("rediss://events", "memory://"), "events_url"),
        ] {
            let refused = load(&embedded).unwrap().shared().unwrap_err().to_string();
            assert!(refused.contains(field) && refused.contains("standalone"), "{refused}");
        }
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
