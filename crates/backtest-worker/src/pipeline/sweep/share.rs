use serde::Deserialize;

use super::super::BacktestRunError;
use super::state::{SCHEMA_VERSION, State};

/// What a share of a sweep left, as [`merge_shares`](super::merge_shares) takes it.
#[derive(Debug)]
pub struct SweepShare {
    /// What messages call it.
    pub(super) name: String,
    pub(super) state: State,
}

impl SweepShare {
    /// Reads the file of a share; `name` is what messages call it.
    ///
    /// # Errors
    /// A file that is damaged, or that another version of this program wrote in another way.
    pub fn read(name: impl Into<String>, bytes: &[u8]) -> Result<Self, BacktestRunError> {
        let name = name.into();
        let broken = |reason: String| BacktestRunError::Share { share: name.clone(), reason };
        let damaged = |error: serde_json::Error| broken(format!("it is damaged: {error}"));
        let Header { schema_version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if schema_version != SCHEMA_VERSION {
            return Err(broken(format!(
                "its layout is {schema_version}, this program reads {SCHEMA_VERSION}: run the \
                 sweep again"
            )));
        }
        let state = serde_json::from_slice(bytes).map_err(damaged)?;
        Ok(Self { name, state })
    }
}

#[derive(Deserialize)]
struct Header {
    schema_version: u32,
}
