use alphafleet_domain::ports::PasswordHash;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Each hash takes 19 MiB; more at once would be a way to exhaust a small machine.
static SLOTS: Semaphore = Semaphore::const_new(4);

const MIN_CHARACTERS: usize = 12;
const MAX_BYTES: usize = 1_024;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum PasswordError {
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    TooShort,
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    #[error("the password could not be hashed")]
    Hash,
}

/// Argon2id of RFC 9106 with OWASP's first choice: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Checks a new password's length and hashes it, off the async threads.
pub async fn hash_password(password: String) -> Result<PasswordHash, PasswordError> {
    if password.chars().count() < MIN_CHARACTERS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_BYTES {
        return Err(PasswordError::TooLong);
    }
    let _slot = SLOTS.acquire().await.map_err(|_| PasswordError::Hash)?;
    let hashed = spawn_blocking(move || {
        let hash: Result<Phc, _> = argon2id().hash_password(password.as_bytes());
        hash.map(|hash| PasswordHash::new(hash.to_string()))
    });
    hashed.await.map_err(|_| PasswordError::Hash)?.map_err(|_| PasswordError::Hash)
}

/// Whether the password is the user's. Without a user the same work is done, so that the time
/// taken does not tell which names exist.
pub(crate) async fn verify_password(password: String, hash: Option<PasswordHash>) -> bool {
    if password.len() > MAX_BYTES {
        return false;
    }
    let Ok(_slot) = SLOTS.acquire().await else { return false };
    let verified = spawn_blocking(move || match hash {
        Some(hash) => Phc::new(hash.expose())
            .is_ok_and(|hash| argon2id().verify_password(password.as_bytes(), &hash).is_ok()),
        None => {
            let wasted: Result<Phc, _> = argon2id().hash_password(password.as_bytes());
            drop(wasted);
            false
        }
    });
    verified.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let hash = hash_password("correct horse battery".to_owned()).await.unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password("correct horse battery".to_owned(), Some(hash.clone())).await);
        assert!(!verify_password("correct horse batterz".to_owned(), Some(hash)).await);
        assert!(!verify_password("correct horse battery".to_owned(), None).await);
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        assert_eq!(hash_password("short".to_owned()).await, Err(PasswordError::TooShort));
        assert_eq!(hash_password("x".repeat(2_000)).await, Err(PasswordError::TooLong));
    }
}
