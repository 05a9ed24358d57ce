//! Certificates for servers that tests start.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;

/// A private authority and a certificate it signed for `localhost` and `127.0.0.1`, as PEM files
/// in a temporary folder.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub fn make() -> Self {
        let mut authority = named("alphafleet test authority", &[]);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap());
        let authority = authority.unwrap();
        let key = KeyPair::generate().unwrap();
        let mut certificate = named("localhost", &["localhost", "127.0.0.1"]);
        certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = certificate.signed_by(&key, &authority);
        let folder = tempfile::Builder::new().prefix("alphafleet-tls-").tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("ca.pem", &authority.pem());
        write("server.pem", &certificate.unwrap().pem());
        write("server.key", &key.serialize_pem());
        // Servers run as another account read them too.
        readable(folder.path(), 0o755);
        readable(&folder.path().join("server.key"), 0o644);
        Self { folder }
    }

    /// The authority's certificate.
    pub fn ca_pem(&self) -> Vec<u8> {
        fs::read(self.authority()).unwrap()
    }

    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.pem")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("server.key")
    }
}

/// Parties of different names: whoever signs under the name it certifies looks self-signed.
fn named(common: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut certificate = CertificateParams::new(hosts).unwrap();
    certificate.distinguished_name.push(DnType::CommonName, common);
    certificate
}

fn readable(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
