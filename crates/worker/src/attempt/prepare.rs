use std::path::PathBuf;

use alphafleet_domain::job::{Failure, FailureCode};
use alphafleet_domain::ports::{ArtifactError, ArtifactKey};
use alphafleet_domain::{ArtifactPointer, Job, LeaseId};
use tracing::warn;

use crate::frame::Assignment;
use crate::process::ChildProcess;
use crate::supervisor::{AttemptFolder, BackOff, PrepareError, Shared};

const TRIES: u32 = 8;

/// Everything an attempt needs before it begins.
pub(super) struct Prepared {
    pub folder: AttemptFolder,
    pub assignment: Assignment,
    pub child: ChildProcess,
    /// Why the attempt begins anew although there was a checkpoint.
    pub warning: Option<String>,
}

pub(super) async fn prepare(
    shared: &Shared,
    job: &Job,
    lease: LeaseId,
) -> Result<Prepared, Failure> {
    let folder = shared
        .scratch
        .attempt(lease)
        .map_err(|error| internal(format!("the job's scratch folder cannot be made: {error}")))?;
    let inputs = inputs(shared, job).await?;
    let (checkpoint, warning) = match &job.checkpoint {
        Some(pointer) => match download(shared, pointer, &folder).await {
            Ok(path) => (Some(path), None),
            Err(error) => (None, Some(format!("begins anew, its checkpoint is lost: {error}"))),
        },
        None => (None, None),
    };
    let assignment = Assignment {
        job: job.id,
        attempt: job.attempt,
        lease,
        kind: job.kind,
        spec: job.spec.clone(),
        scratch: folder.path().to_owned(),
        storage_url: shared.config.storage_url.clone(),
        inputs,
        checkpoint,
        threads: shared.config.threads.max(1),
    };
    let child = shared.pool.take().await.map_err(|error| internal(chain(&error)))?;
    Ok(Prepared { folder, assignment, child, warning })
}

async fn inputs(shared: &Shared, job: &Job) -> Result<serde_json::Value, Failure> {
    let mut back_off = BackOff::default();
    loop {
        match shared.ports.prepare.inputs(job).await {
            Ok(inputs) => return Ok(inputs),
            Err(PrepareError::Failed(failure)) => return Err(failure),
            Err(PrepareError::Store(error)) if !error.is_retryable() => {
                return Err(internal(format!("the job's inputs cannot be looked up: {error}")));
            }
            Err(PrepareError::Store(error)) => {
                warn!(job = %job.id, %error, "a job's inputs cannot be looked up yet");
                back_off.wait().await;
            }
        }
    }
}

async fn download(
    shared: &Shared,
    pointer: &ArtifactPointer,
    folder: &AttemptFolder,
) -> Result<PathBuf, String> {
    let key: ArtifactKey = pointer.key.parse().map_err(|error| format!("{error}"))?;
    let path = folder.path().join("checkpoint");
    let mut back_off = BackOff::default();
    loop {
        match shared.ports.artifacts.get_file(&key, &pointer.sha256, &path).await {
            Ok(()) => return Ok(path),
            Err(error @ ArtifactError::Storage { .. }) if back_off.tries() < TRIES => {
                warn!(%key, %error, "a checkpoint cannot be read yet");
                back_off.wait().await;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn internal(message: String) -> Failure {
    Failure::retryable(FailureCode::Internal, message)
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
