use std::path::Path;

use alphafleet_artifacts::{Sha256Stream, sha256_hex};
use serde::{Deserialize, Serialize};

use super::past::Past;
use crate::error::DatasetError;

/// Longest header that is read; that of a formula of every field there is takes a few kilobytes.
const HEADER_BYTES: usize = 1 << 20;

/// From what a column goes on when bars are appended to its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureState {
    /// The bars that were seen.
    pub past: Past,
    /// What the operators remember of them, as the engine of formulas wrote it.
    pub operators: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    past: Past,
}

impl FeatureState {
    /// A line with the SHA-256 (hex) of what follows, a line of JSON about the past, and the
    /// operators' state. The file carries its own checksum, because whoever computes the column
    /// again may write another state that goes on as well.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DatasetError> {
        let header = Header { past: self.past.clone() };
        let header = serde_json::to_vec(&header).map_err(|error| DatasetError::Write {
            file: "the state of a feature".to_owned(),
            source: error.into(),
        })?;
        let mut digest = Sha256Stream::default();
        for part in [&header[..], b"\n", &self.operators] {
            digest.update(part);
        }
        let sum = digest.finish();
        Ok([sum.as_bytes(), b"\n", &header, b"\n", &self.operators].concat())
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), DatasetError> {
        std::fs::write(path, self.to_bytes()?).map_err(|error| DatasetError::Write {
            file: path.display().to_string(),
            source: error.into(),
        })
    }

    /// Reads a state if its checksum holds. `file` is the name errors use.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, DatasetError> {
        let corrupt = |reason: &str| DatasetError::CorruptFile {
            file: file.to_owned(),
            reason: reason.to_owned(),
        };
        let (sum, rest) = line(bytes).ok_or_else(|| corrupt("it has no checksum"))?;
        let found = sha256_hex(rest);
        let expected = String::from_utf8_lossy(sum).into_owned();
        if expected != found {
            return Err(DatasetError::Tampered { key: file.to_owned(), expected, found });
        }
        let (header, operators) = line(rest).ok_or_else(|| corrupt("it has no header"))?;
        let Header { past } =
            serde_json::from_slice(header).map_err(|error| corrupt(&error.to_string()))?;
        Ok(Self { past, operators: operators.to_vec() })
    }
}

/// The first line, and what follows it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(HEADER_BYTES).position(|&byte| byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}
