use std::fs;
use std::path::Path;

use alphafleet_domain::job::{Failure, FailureCode, JobKind};
use thiserror::Error;

use super::Context;
use crate::frame::{Assignment, Completed, DatasetInput, Inputs};

/// Does the work of one kind of job.
///
/// `run` is called on the child's main thread, one job at a time, and may take hours. It looks at
/// [`Context::stop`] often (at least once a second) and ends with [`HandlerError::Stopped`] when
/// told to, after handing over a checkpoint unless the reason is a cancel.
pub trait Handler {
    fn kind(&self) -> JobKind;

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError>;
}

/// Why a handler ends without a result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandlerError {
    /// It was told to stop and did.
    #[error("stopped as asked")]
    Stopped,
    #[error("{}", .0.message)]
    Failed(Failure),
}

impl HandlerError {
    /// Another attempt would fail the same way.
    pub fn permanent(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Failed(Failure::permanent(code, message))
    }

    /// Another attempt can succeed.
    pub fn retryable(code: FailureCode, message: impl Into<String>) -> Self {
        Self::Failed(Failure::retryable(code, message))
    }
}

impl From<Failure> for HandlerError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Assignment {
    /// The job's scratch folder, made if it is not there yet.
    pub fn scratch_folder(&self) -> Result<&Path, HandlerError> {
        fs::create_dir_all(&self.scratch).map_err(|error| {
            let message = format!("no scratch folder: {error}");
            HandlerError::retryable(FailureCode::HandlerError, message)
        })?;
        Ok(&self.scratch)
    }

    /// The inputs in their usual shape.
    pub fn typed_inputs(&self) -> Result<Inputs, HandlerError> {
        if self.inputs.is_null() {
            return Ok(Inputs::default());
        }
        serde_json::from_value(self.inputs.clone()).map_err(|error| {
            HandlerError::permanent(
                FailureCode::Internal,
                format!("the job's inputs cannot be read: {error}"),
            )
        })
    }

    /// The dataset version to work on; an error if the job has none.
    pub fn dataset(&self) -> Result<DatasetInput, HandlerError> {
        self.typed_inputs()?.dataset.ok_or_else(|| {
            HandlerError::permanent(FailureCode::InvalidSpec, "the job names no dataset version")
        })
    }
}
