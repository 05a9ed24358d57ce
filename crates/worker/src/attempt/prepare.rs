use std::path::PathBuf;

use alphafleet_domain::job::{Failure, FailureCode};
use alphafleet_domain::ports::{ArtifactError, ArtifactKey};
use alphafleet_domain::{ArtifactPointer, Job, LeaseId};
use tracing::warn;

use super::spare;
use crate::frame::Assignment;
use crate::process::{ChildProcess, StartError};
use crate::supervisor::{AttemptFolder, BackOff, PrepareError, Shared};

const TRIES: u32 = 8;

/// Everything an attempt needs before it begins.
pub(super) struct Prepared {
    pub folder: AttemptFolder,
    pub assignment: Assignment,
    pub child: ChildProcess,
    /// What the owner is to know: why it begins anew although there was a checkpoint, and with how
    /// little it has to do.
    pub warnings: [Option<String>; 2],
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
    let threads = spare::threads(&shared.config, job);
    let assignment = Assignment {
        inputs,
        checkpoint,
        threads,
        ..assignment(shared, job, lease, folder.path().to_owned())
    };
    let child = match spare::times_out_of_memory(job) {
        0 => shared.pool.take().await,
        _ => shared.pool.take_with_threads(threads).await,
    };
    let child = child.map_err(|error| cannot_start(&error))?;
    Ok(Prepared {
        folder,
        assignment,
        child,
        warnings: [warning, spare::told(&shared.config, job)],
    })
}

/// An assignment of a job without inputs and checkpoint.
pub(crate) fn assignment(
    shared: &Shared,
    job: &Job,
    lease: LeaseId,
    scratch: PathBuf,
) -> Assignment {
    Assignment {
        job: job.id,
        attempt: job.attempt,
        lease,
        kind: job.kind,
        spec: job.spec.clone(),
        scratch,
        storage_url: shared.config.storage_url.clone(),
        inputs: serde_json::Value::Null,
        checkpoint: None,
        threads: spare::threads(&shared.config, job),
        out_of_memory: spare::times_out_of_memory(job),
    }
}

pub(crate) fn cannot_start(error: &StartError) -> Failure {
    internal(chain(error))
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
