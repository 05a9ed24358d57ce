use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tracing::warn;

use crate::CallbackError;

/// Trusts the system's authorities and those in `ca_file`.
pub(crate) fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, CallbackError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (_, ignored) = roots.add_parsable_certificates(system.certs);
    if ignored > 0 || !system.errors.is_empty() {
        warn!(ignored, errors = ?system.errors, "some of the system's authorities cannot be used");
    }
    if let Some(file) = ca_file {
        let unreadable = |source| CallbackError::Authority { file: file.to_owned(), source };
        let certificates = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unreadable(std::io::Error::other(error)))?;
        for certificate in certificates {
            roots.add(certificate)?;
        }
    }
    if roots.is_empty() {
        warn!("there are no authorities to trust: callbacks to https:// will fail");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
