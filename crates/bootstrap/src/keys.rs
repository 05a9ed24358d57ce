use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alphafleet_domain::ports::UserStore;
use rand::RngExt;
use secrecy::SecretString;

use crate::backends::{Backends, make_folder};
use crate::process::ProcessError;
use crate::settings::Settings;

const SETUP_TOKEN: &str = "setup-token";

/// The secrets of an installation, each in a file of the folder of keys. Whoever comes first makes
/// them; gateways and workers that share the folder share them.
pub(crate) struct Keys {
    /// Signs access tokens.
    pub jwt: SecretString,
    /// Lets Prometheus read the metrics.
    pub metrics: SecretString,
    /// Signs callbacks: each user's secret comes from it.
    pub webhooks: SecretString,
    /// While there is no user.
    pub setup: Option<SetupToken>,
}

/// What creates the first administrator, and the file it is kept in.
#[derive(Clone)]
pub(crate) struct SetupToken {
    pub secret: SecretString,
    pub file: PathBuf,
}

impl Keys {
    pub async fn open(settings: &Settings, backends: &Backends) -> Result<Self, ProcessError> {
        Ok(Self {
            jwt: key(settings, "jwt.key")?,
            metrics: metrics_token(settings)?,
            webhooks: key(settings, "webhooks.key")?,
            setup: setup_token(settings, backends).await?,
        })
    }
}

pub(crate) fn metrics_token(settings: &Settings) -> Result<SecretString, ProcessError> {
    key(settings, "metrics-token")
}

fn key(settings: &Settings, name: &str) -> Result<SecretString, ProcessError> {
    make_folder(settings.keys_folder())?;
    let file = settings.keys_folder().join(name);
    secret_file(&file).map_err(|source| ProcessError::Key { file, source })
}

/// A token while there is no user; afterwards its file goes.
async fn setup_token(
    settings: &Settings,
    backends: &Backends,
) -> Result<Option<SetupToken>, ProcessError> {
    let file = settings.keys_folder().join(SETUP_TOKEN);
    if backends.store.users().await?.is_empty() {
        return Ok(Some(SetupToken { secret: key(settings, SETUP_TOKEN)?, file }));
    }
    match fs::remove_file(&file) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(ProcessError::Key { file, source })
        }
        _ => Ok(None),
    }
}

/// The secret in `file`, made at first use: 256 random bits in hex, readable by the owner alone.
/// Of several processes that make it at once one wins, and all read the same.
fn secret_file(file: &Path) -> io::Result<SecretString> {
    if !file.exists() {
        let draft = file.with_extension(format!("{}.draft", random_hex()));
        let mut fresh = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        fresh.write_all(random_hex().as_bytes())?;
        fresh.sync_all()?;
        let linked = fs::hard_link(&draft, file);
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    restrict(file)?;
    let secret = fs::read_to_string(file)?.trim().to_owned();
    if secret.len() < 32 {
        let why = format!("{} holds no secret of 32 characters or more", file.display());
        return Err(io::Error::new(ErrorKind::InvalidData, why));
    }
    Ok(secret.into())
}

/// A mounted secret may be read-only: then its mode is the operator's.
fn restrict(file: &Path) -> io::Result<()> {
    if fs::metadata(file)?.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    match fs::set_permissions(file, Permissions::from_mode(0o600)) {
        Err(error) if error.kind() != ErrorKind::ReadOnlyFilesystem => Err(error),
        _ => Ok(()),
    }
}

fn random_hex() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let first = secret_file(&file).unwrap();
        let again = secret_file(&file).unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(first.expose_secret().len(), 64);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_short_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "short").unwrap();
        assert_eq!(secret_file(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
