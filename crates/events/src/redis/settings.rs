use std::fmt;
use std::time::Duration;

use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, IntoConnectionInfo, TlsCertificates, TlsMode};
use thiserror::Error;

use crate::StreamLimits;

/// How to reach a Redis, and what things are called there. `Debug` leaves the URL out: it may hold
/// a password.
#[derive(Clone)]
pub struct RedisSettings {
    /// `redis://user:password@host:port/db`, `rediss://…` for TLS, or behind Sentinels
    /// `redis+sentinel://user:password@host:port,host:port/db?master=NAME` (`rediss+sentinel` with
    /// TLS to the Redis); the login is that of the Redis.
    pub url: String,
    /// Keys and channels are named `namespace:{job}:…`.
    pub namespace: String,
    /// PEM of the authority that signed the server's certificate; otherwise the system's
    /// authorities are trusted.
    pub ca_pem: Option<Vec<u8>>,
    pub limits: StreamLimits,
    /// How long connecting, and how long one call, may take.
    pub patience: Duration,
}

impl RedisSettings {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            namespace: "alphafleet".to_owned(),
            ca_pem: None,
            limits: StreamLimits::default(),
            patience: Duration::from_secs(2),
        }
    }

    pub(super) fn server(&self) -> Result<Server, SettingsError> {
        let unreadable = || SettingsError::Url;
        let (scheme, rest) = self.url.split_once("://").ok_or_else(unreadable)?;
        match scheme {
            "redis+sentinel" | "rediss+sentinel" => {
                self.sentinel(scheme == "rediss+sentinel", rest)
            }
            "redis" | "rediss" => {
                let info = self.url.as_str().into_connection_info().map_err(|_| unreadable())?;
                let client = if scheme == "rediss" {
                    Client::build_with_tls(info, self.certificates())
                } else {
                    Client::open(info)
                };
                client.map(Server::Direct).map_err(|_| SettingsError::Tls)
            }
            _ => Err(unreadable()),
        }
    }

    fn sentinel(&self, tls: bool, rest: &str) -> Result<Server, SettingsError> {
        let unreadable = || SettingsError::Url;
        let (rest, query) = rest.split_once('?').ok_or(SettingsError::NoMaster)?;
        let master = query.split('&').find_map(|pair| pair.strip_prefix("master="));
        let master = master.filter(|name| !name.is_empty()).ok_or(SettingsError::NoMaster)?;
        let (login, rest) = match rest.rsplit_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        let (hosts, db) = rest.split_once('/').unwrap_or((rest, "0"));
        let hosts: Option<Vec<ConnectionAddr>> = hosts.split(',').map(address).collect();
        let db = if db.is_empty() { "0" } else { db };
        let mut builder = SentinelClientBuilder::new(
            hosts.ok_or_else(unreadable)?,
            master,
            SentinelServerType::Master,
        )
        .map_err(|_| unreadable())?
        .set_client_to_redis_db(db.parse().map_err(|_| unreadable())?);
        if let Some((user, password)) =
            login.map(|login| login.split_once(':').unwrap_or(("", login)))
        {
            builder = builder.set_client_to_redis_password(password);
            if !user.is_empty() {
                builder = builder.set_client_to_redis_username(user);
            }
        }
        if tls {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(self.certificates());
        }
        let client = builder.build().map_err(|_| unreadable())?;
        Ok(Server::Sentinel(tokio::sync::Mutex::new(client)))
    }

    fn certificates(&self) -> TlsCertificates {
        TlsCertificates { client_tls: None, root_cert: self.ca_pem.clone() }
    }
}

fn address(text: &str) -> Option<ConnectionAddr> {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "26379"));
    (!host.is_empty()).then_some(())?;
    Some(ConnectionAddr::Tcp(host.to_owned(), port.parse().ok()?))
}

/// Whom to ask for a connection.
pub(super) enum Server {
    Direct(Client),
    Sentinel(tokio::sync::Mutex<SentinelClient>),
}

impl Server {
    /// A client of the server that is the master now.
    pub async fn client(&self) -> redis::RedisResult<Client> {
        match self {
            Self::Direct(client) => Ok(client.clone()),
            Self::Sentinel(sentinel) => sentinel.lock().await.async_get_client().await,
        }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSettings").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Why settings are refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SettingsError {
    #[error("expected redis://user:password@host:port/db, rediss://… or redis+sentinel://…")]
    Url,
    #[error("redis+sentinel needs the name of the master: …?master=NAME")]
    NoMaster,
    #[error("the certificates for TLS cannot be used")]
    Tls,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn urls_are_read_or_refused() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = |url: &str| RedisSettings::new(url).server().map(drop);
        for good in [
            "redis://localhost",
            "redis://me:secret@localhost:6380/3",
            "rediss://localhost",
            "redis+sentinel://one:26379,two/0?master=main",
            "redis+sentinel://me:secret@one,two?master=main",
        ] {
            server(good).unwrap();
        }
        for bad in ["", "localhost", "amqp://localhost", "redis+sentinel://:1?master=main"] {
            assert_eq!(server(bad), Err(SettingsError::Url), "{bad}");
        }
        assert_eq!(server("redis+sentinel://one,two/0"), Err(SettingsError::NoMaster));
    }
}
