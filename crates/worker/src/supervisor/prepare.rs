use std::sync::Arc;

use alphafleet_domain::Job;
use alphafleet_domain::job::{Failure, FailureCode};
use alphafleet_domain::ports::{DatasetStore, StoreError};
use async_trait::async_trait;
use serde_json::Value;
use thiserror::Error;

use crate::frame::{DatasetInput, Inputs};

/// Looks up what a job's handler needs and cannot ask for itself.
#[async_trait]
pub trait Prepare: Send + Sync {
    /// Becomes [`Assignment::inputs`](crate::frame::Assignment::inputs).
    async fn inputs(&self, job: &Job) -> Result<Value, PrepareError>;
}

#[derive(Debug, Error)]
pub enum PrepareError {
    #[error("{}", .0.message)]
    Failed(Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PrepareError {
    /// The job cannot be run, now or later.
    pub fn permanent(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Failed(Failure::permanent(code, message))
    }
}

/// Nothing is looked up.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoInputs;

#[async_trait]
impl Prepare for NoInputs {
    async fn inputs(&self, _: &Job) -> Result<Value, PrepareError> {
        Ok(Value::Null)
    }
}

/// The manifest of the job's dataset version, as [`Inputs`].
#[derive(Clone)]
pub struct DatasetInputs(pub Arc<dyn DatasetStore>);

#[async_trait]
impl Prepare for DatasetInputs {
    async fn inputs(&self, job: &Job) -> Result<Value, PrepareError> {
        match self.dataset(job).await? {
            Some(dataset) => Inputs { dataset: Some(dataset), ..Inputs::default() }.to_value(),
            None => Ok(Value::Null),
        }
    }
}

impl DatasetInputs {
    /// The version that the job was submitted with, if it names one.
    pub async fn dataset(&self, job: &Job) -> Result<Option<DatasetInput>, PrepareError> {
        let Some(id) = job.dataset_version else { return Ok(None) };
        let Some(version) = self.0.version(id).await? else {
            let message = format!("dataset version {id} is not there any more");
            return Err(PrepareError::permanent(FailureCode::InvalidData, message));
        };
        Ok(Some(DatasetInput {
            version: id,
            dataset: version.dataset,
            manifest_key: version.manifest_key,
            manifest_sha256: version.manifest_sha256,
        }))
    }
}

impl Inputs {
    /// As an assignment carries them.
    pub fn to_value(&self) -> Result<Value, PrepareError> {
        serde_json::to_value(self)
            .map_err(|error| PrepareError::permanent(FailureCode::Internal, error.to_string()))
    }
}
