use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a gateway proves itself with: PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// TLS 1.2 and 1.3, without certificates of clients.
pub(crate) fn server_config(files: &TlsFiles) -> io::Result<ServerConfig> {
    let unreadable = |file: &Path, error: Error| {
        let why = match error {
            Error::Io(error) => error.to_string(),
            Error::NoItemsFound => "there is nothing of that kind in it".to_owned(),
            error => format!("it is no PEM file of that kind: {error:?}"),
        };
        invalid(format!("{}: {why}", file.display()))
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&files.certificate, error))?;
    if chain.is_empty() {
        return Err(invalid(format!(
            "{}: there is no certificate in it",
            files.certificate.display()
        )));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| invalid(format!("certificate and key cannot be used: {error}")))
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
