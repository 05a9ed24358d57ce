use std::path::Path;
use std::sync::Arc;

use alphafleet_gateway::TlsFiles;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;

use crate::harness::Harness;

/// A certificate for `localhost` that is its own authority.
fn identity(folder: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.certificate, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    (files, cert.der().clone())
}

async fn connect(gateway: &Harness, authority: &CertificateDer<'static>) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(gateway.base.replace("http://", "")).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_speaks_tls_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (files, authority) = identity(folder.path());
    let gateway = Harness::secure(files).await.unwrap();
    let mut stream = connect(&gateway, &authority).await;
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"status\":\"ok\""), "{answer}");
    assert!(gateway.http.get(format!("{}/healthz", gateway.base)).send().await.is_err());
    let stream = connect(&gateway, &authority).await;
    let (_, response) = client_async("wss://localhost/api/v1/ws/connect", stream).await.unwrap();
    assert_eq!(response.status(), 101);
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named_before_anything_is_served() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ((files, _), (other, _)) = (identity(folder.path()), identity(elsewhere.path()));
    let absent = folder.path().join("absent.pem");
    for (certificate, key, why) in [
        (&absent, &files.key, "absent.pem"),
        (&files.certificate, &absent, "absent.pem"),
        (&files.key, &files.key, "no certificate"),
        (&files.certificate, &files.certificate, "cert.pem"),
        (&files.certificate, &other.key, "cannot be used"),
    ] {
        let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
        let error = Harness::secure(files.clone()).await.err().unwrap().to_string();
        assert!(error.contains(why), "{files:?}: {error}");
    }
}
