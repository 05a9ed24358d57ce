use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alphafleet_domain::ports::UserStore;
use rand::RngExt;
use secrecy::SecretString;

use crate::backends::Backends;
use crate::settings::Settings;
use crate::standalone::StandaloneError;

/// The secrets of an installation, each in a file of the data folder.
pub(crate) struct Keys {
    /// Signs access tokens.
    pub jwt: SecretString,
    /// Lets Prometheus read the metrics.
    pub metrics: SecretString,
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
    pub async fn open(settings: &Settings, backends: &Backends) -> Result<Self, StandaloneError> {
        Ok(Self {
            jwt: key(&settings.data_dir.join("jwt.key"))?,
            metrics: key(&settings.data_dir.join("metrics-token"))?,
            setup: setup_token(settings, backends).await?,
        })
    }
}

fn key(file: &Path) -> Result<SecretString, StandaloneError> {
    secret_file(file).map_err(|source| StandaloneError::Key { file: file.to_owned(), source })
}

/// A token while there is no user; afterwards its file goes.
async fn setup_token(
    settings: &Settings,
    backends: &Backends,
) -> Result<Option<SetupToken>, StandaloneError> {
    let file = settings.data_dir.join("setup-token");
    if backends.store.users().await?.is_empty() {
        return Ok(Some(SetupToken { secret: key(&file)?, file }));
    }
    match fs::remove_file(&file) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(StandaloneError::Key { file, source })
        }
        _ => Ok(None),
    }
}

/// The secret in `file`, made at first use: 256 random bits in hex, readable by the owner alone.
fn secret_file(file: &Path) -> io::Result<SecretString> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut fresh) => {
            let secret = random_hex();
            fresh.write_all(secret.as_bytes())?;
            fresh.sync_all()?;
            Ok(secret.into())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            fs::set_permissions(file, Permissions::from_mode(0o600))?;
            let secret = fs::read_to_string(file)?.trim().to_owned();
            if secret.len() < 32 {
                let why = format!("{} holds no secret of 32 characters or more", file.display());
                return Err(io::Error::new(ErrorKind::InvalidData, why));
            }
            Ok(secret.into())
        }
        Err(error) => Err(error),
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
