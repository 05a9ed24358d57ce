use std::fmt::Display;

use alphafleet_datasets::{ArtifactKey, ArtifactStore, DatasetError, open_store, sha256_hex};
use alphafleet_domain::job::FailureCode;
use alphafleet_worker::child::HandlerError;
use tokio::runtime::{Builder, Runtime};

/// What other jobs left in object storage, read whole and checked.
pub(super) struct Stored {
    store: Box<dyn ArtifactStore>,
    runtime: Runtime,
}

impl Stored {
    pub fn open(storage_url: &str) -> Result<Self, HandlerError> {
        let internal =
            |error: &dyn Display| HandlerError::retryable(FailureCode::Internal, error.to_string());
        let store = open_store(storage_url).map_err(|error| internal(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| internal(&error))?;
        Ok(Self { store: Box::new(store), runtime })
    }

    /// The bytes under a key, which must have this checksum (hex).
    pub fn read(&self, key: &str, sha256: &str) -> Result<Vec<u8>, DatasetError> {
        let parsed: ArtifactKey = key.parse()?;
        let bytes = self.runtime.block_on(self.store.get(&parsed))?;
        let found = sha256_hex(&bytes);
        if found.eq_ignore_ascii_case(sha256) {
            return Ok(bytes);
        }
        let (key, expected) = (key.to_owned(), sha256.to_owned());
        Err(DatasetError::Tampered { key, expected, found })
    }
}

/// The failure of a job whose input, named so, cannot be read: for good where it is not what was
/// written.
pub(super) fn unusable(input: &str, error: &DatasetError) -> HandlerError {
    let message = format!("{input} cannot be used: {error}");
    if error.is_data_fault() {
        HandlerError::permanent(FailureCode::InvalidData, message)
    } else {
        HandlerError::retryable(FailureCode::HandlerError, message)
    }
}
