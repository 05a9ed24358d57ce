use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{OpenError, StoreOptions};

const PATIENCE: Duration = Duration::from_secs(5);

/// Opens connections to one PostgreSQL.
#[derive(Clone)]
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: Option<MakeRustlsConnect>,
    session: Option<String>,
}

impl Connector {
    /// TLS always checks the server's certificate and name, whatever the URL's `sslmode` is called:
    /// `require`, `verify-ca` and `verify-full` are one. Without an `sslmode` it is used where an
    /// authority is named.
    pub fn new(url: &str, options: &StoreOptions) -> Result<Self, OpenError> {
        let (url, mode) = without_sslmode(url);
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|error| OpenError::Connect(Box::new(error)))?;
        let mode = match (mode.as_deref(), &options.ca_pem) {
            (Some("disable") | None, None) | (Some("disable"), Some(_)) => SslMode::Disable,
            (Some("prefer"), _) => SslMode::Prefer,
            (Some("require" | "verify-ca" | "verify-full"), _) | (None, Some(_)) => {
                SslMode::Require
            }
            (Some(other), _) => return Err(OpenError::SslMode(other.to_owned())),
        };
        config.ssl_mode(mode).connect_timeout(PATIENCE).application_name("alphafleet");
        let tls = match mode {
            SslMode::Disable => None,
            _ => Some(MakeRustlsConnect::new(tls(options.ca_pem.as_deref())?)),
        };
        Ok(Self { config, tls, session: (!options.pgbouncer).then(|| session(options)) })
    }

    pub async fn connect(&self) -> Result<AsyncPgConnection, ConnectionError> {
        let connecting = async {
            let mut connection = self.open().await?;
            if let Some(session) = &self.session {
                let set = connection.batch_execute(session).await;
                set.map_err(ConnectionError::CouldntSetupConfiguration)?;
            }
            Ok(connection)
        };
        tokio::time::timeout(PATIENCE, connecting).await.unwrap_or_else(|_| {
            Err(ConnectionError::BadConnection("the server did not answer in time".to_owned()))
        })
    }

    async fn open(&self) -> Result<AsyncPgConnection, ConnectionError> {
        match &self.tls {
            None => {
                let opened = self.config.connect(tokio_postgres::NoTls).await;
                let (client, connection) = opened.map_err(bad)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(bad)?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// With its causes: the outermost says only what was tried.
fn bad(error: tokio_postgres::Error) -> ConnectionError {
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    ConnectionError::BadConnection(causes.join(": "))
}

/// Commits are synchronous whatever the server's default: an acknowledged submit is never lost.
fn session(options: &StoreOptions) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = '10s'; \
         SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on; \
         SET TIME ZONE 'UTC'",
        options.statement_timeout.as_millis()
    )
}

fn tls(authority: Option<&[u8]>) -> Result<ClientConfig, OpenError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut roots = RootCertStore::empty();
    match authority {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|e| OpenError::Authority(Box::new(e)))?;
                roots.add(certificate).map_err(|e| OpenError::Authority(Box::new(e)))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| OpenError::Authority(Box::new(error)))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// The URL without its `sslmode`, and that.
fn without_sslmode(url: &str) -> (String, Option<String>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let mut mode = None;
    let others = query.split('&').filter(|pair| match pair.strip_prefix("sslmode=") {
        Some(value) => {
            mode = Some(value.to_owned());
            false
        }
        None => true,
    });
    let others: Vec<&str> = others.collect();
    let url =
        if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    (url, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_taken_out_of_the_url() {
        for (url, rest, mode) in [
            ("postgres://h/d", "postgres://h/d", None),
            ("postgres://h/d?sslmode=require", "postgres://h/d", Some("require")),
            ("postgres://h/d?a=1&sslmode=disable&b=2", "postgres://h/d?a=1&b=2", Some("disable")),
        ] {
            assert_eq!(without_sslmode(url), (rest.to_owned(), mode.map(str::to_owned)), "{url}");
        }
    }

    #[test]
    fn an_unknown_mode_is_refused() {
        let refused = Connector::new("postgres://h/d?sslmode=maybe", &StoreOptions::default());
        assert!(matches!(refused.err(), Some(OpenError::SslMode(mode)) if mode == "maybe"));
    }
}
