use std::fmt;
use std::path::Path;
use std::str::FromStr;

use async_trait::async_trait;
use thiserror::Error;

/// Files by key. Written once; a reader finds a whole file or none.
#[async_trait]
pub trait ArtifactStore: Send + Sync {
    async fn put(&self, key: &ArtifactKey, bytes: Vec<u8>) -> Result<StoredObject, ArtifactError>;

    /// Streams a local file up.
    async fn put_file(&self, key: &ArtifactKey, file: &Path)
    -> Result<StoredObject, ArtifactError>;

    /// The whole object in memory; for small ones.
    async fn get(&self, key: &ArtifactKey) -> Result<Vec<u8>, ArtifactError>;

    /// Streams an object into a local file and checks it against `sha256` (hex); on a mismatch the
    /// file is removed and the object refused.
    async fn get_file(
        &self,
        key: &ArtifactKey,
        sha256: &str,
        file: &Path,
    ) -> Result<(), ArtifactError>;

    /// Keys under a folder, ascending.
    async fn list(&self, prefix: &ArtifactKey) -> Result<Vec<ArtifactKey>, ArtifactError>;

    /// Removes everything under a folder; nothing there is fine.
    async fn delete_prefix(&self, prefix: &ArtifactKey) -> Result<u64, ArtifactError>;

    /// Removes one object; none there is fine.
    async fn delete(&self, key: &ArtifactKey) -> Result<(), ArtifactError>;

    async fn ping(&self) -> Result<(), ArtifactError>;
}

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub key: ArtifactKey,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// A path of plain segments joined by `/`: no empty one, no `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactKey(String);

impl ArtifactKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of `name` in this folder.
    pub fn join(&self, name: &str) -> Result<Self, ArtifactKeyError> {
        format!("{}/{name}", self.0).parse()
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ArtifactKey {
    type Err = ArtifactKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-=".contains(&b))
        };
        if text.len() <= 1_024 && text.split('/').all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ArtifactKeyError(text.chars().take(128).collect()))
        }
    }
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error(
    "'{0}' is not a storage key: expected segments of letters, digits, '.', '_', '-', '=' joined by '/'"
)]
pub struct ArtifactKeyError(pub String);

#[derive(Debug, Error)]
pub enum ArtifactError {
    #[error("object '{0}' does not exist")]
    NotFound(ArtifactKey),
    #[error("object '{key}' is not what was stored: expected SHA-256 {expected}, found {found}")]
    Tampered { key: ArtifactKey, expected: String, found: String },
    #[error("storage failed on '{key}'")]
    Storage {
        key: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
