use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

/// A URL that chooses an adapter. `Debug`, `Display` and serialisation leave its password out.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct BackendUrl(String);

/// An adapter that a URL's scheme names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
    Memory,
    RabbitMq,
    Redis,
    File,
}

impl Backend {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Memory => "memory",
            Self::RabbitMq => "amqp",
            Self::Redis => "redis",
            Self::File => "file",
        }
    }
}

impl BackendUrl {
    pub(crate) fn file(scheme: &str, path: &Path) -> Self {
        Self(format!("{scheme}://{}", path.display()))
    }

    /// The whole URL, password included: for the adapter alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn backend(&self) -> Option<Backend> {
        match self.0.split_once("://")?.0 {
            "sqlite" => Some(Backend::Sqlite),
            "postgres" | "postgresql" => Some(Backend::Postgres),
            "memory" => Some(Backend::Memory),
            "amqp" | "amqps" => Some(Backend::RabbitMq),
            "redis" | "rediss" | "redis+sentinel" | "rediss+sentinel" => Some(Backend::Redis),
            "file" => Some(Backend::File),
            _ => None,
        }
    }

    pub(crate) fn check(&self, field: &'static str, known: &[Backend]) -> Result<(), UrlError> {
        match self.backend() {
            Some(backend) if known.contains(&backend) => Ok(()),
            _ => Err(UrlError {
                field,
                url: self.to_string(),
                known: known
                    .iter()
                    .map(|b| format!("{}://…", b.name()))
                    .collect::<Vec<_>>()
                    .join(" or "),
            }),
        }
    }
}

impl fmt::Display for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.0.split_once("://").and_then(|(scheme, rest)| {
            let (login, host) = rest.rsplit_once('@')?;
            let (user, _) = login.split_once(':')?;
            Some((scheme, user, host))
        });
        match parts {
            Some((scheme, user, host)) => write!(f, "{scheme}://{user}@{host}"),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for BackendUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for BackendUrl {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{field} is '{url}': expected {known}")]
pub struct UrlError {
    pub field: &'static str,
    pub url: String,
    pub known: String,
}
