use std::sync::Arc;

use alphafleet_domain::ports::CallbackState;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::fleet::{Fleet, settings};
use crate::receiver::{OK, Receiver};

/// A receiver's TLS for `localhost`, and the PEM of its authority.
fn identity() -> (TlsAcceptor, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), cert.pem())
}

#[tokio::test]
async fn https_is_called_only_with_a_trusted_certificate_of_that_name() {
    let fleet = Fleet::start().await;
    let (tls, authority) = identity();
    let receiver = Receiver::secure(vec![OK], tls).await;
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority).unwrap();
    let port = receiver.address.port();
    let mut base = settings();
    base.allowed_networks.push("::1".to_owned());
    base.retries.tries = 1;
    for (trusted, host, state) in [
        (false, "localhost", CallbackState::Failed),
        (true, "127.0.0.1", CallbackState::Failed),
        (true, "localhost", CallbackState::Delivered),
    ] {
        let job = fleet.ended(&format!("https://{host}:{port}/")).await;
        let mut settings = base.clone();
        settings.ca_file = trusted.then(|| ca_file.clone());
        let delivery = fleet.deliver(settings);
        let callback = fleet.settled(job.id).await;
        assert_eq!(callback.state, state, "{host}: {:?}", callback.last_error);
        delivery.stop().await;
    }
    assert_eq!(receiver.received().len(), 1);
}
