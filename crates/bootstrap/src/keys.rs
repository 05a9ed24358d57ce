use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rand::RngExt;
use secrecy::SecretString;

/// The secret in `file`, made at first use: 256 random bits in hex, readable by the owner alone.
pub fn secret_file(file: &Path) -> io::Result<SecretString> {
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
