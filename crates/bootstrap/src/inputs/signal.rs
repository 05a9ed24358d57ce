use std::sync::Arc;

use alphafleet_domain::job::{FailureCode, JobKind, StateName};
use alphafleet_domain::ports::JobStore;
use alphafleet_domain::{ArtifactKind, Job, JobId};
use alphafleet_specs::{BacktestSpec, BacktestSweepSpec};
use alphafleet_worker::PrepareError;
use alphafleet_worker::child::SignalInput;

/// Finds the predictions that a backtest goes by.
pub(super) struct SignalInputs {
    jobs: Arc<dyn JobStore>,
}

impl SignalInputs {
    pub fn new(jobs: Arc<dyn JobStore>) -> Self {
        Self { jobs }
    }

    /// Where the predictions of the training lie that the backtest names, if it names one. The
    /// training must be its owner's own and complete.
    pub async fn signal(&self, job: &Job) -> Result<Option<SignalInput>, PrepareError> {
        let spec = self.spec(job).await?;
        let Some(signal) = spec.signal else { return Ok(None) };
        let training = self.jobs.job(signal.session).await?;
        let is_usable = training.is_some_and(|training| {
            training.owner == job.owner
                && training.kind == JobKind::Training
                && training.state.name() == StateName::Completed
        });
        let artifacts =
            if is_usable { self.jobs.artifacts(signal.session).await? } else { Vec::new() };
        let found = artifacts.into_iter().find(|file| file.kind == ArtifactKind::Predictions);
        let Some(predictions) = found else { return Err(missing(signal.session)) };
        let (key, sha256) = (predictions.key, predictions.sha256);
        Ok(Some(SignalInput { session: signal.session, key, sha256 }))
    }
}

impl SignalInputs {
    /// What the job backtests. A share does what the sweep does that it is a part of.
    async fn spec(&self, job: &Job) -> Result<BacktestSpec, PrepareError> {
        let sweep = |spec| BacktestSweepSpec::from_value(spec).map(|spec| spec.backtest);
        let spec = match job.kind {
            JobKind::BacktestSweep => sweep(&job.spec),
            JobKind::BacktestSweepShare => sweep(&self.parent(job).await?.spec),
            _ => BacktestSpec::from_value(&job.spec),
        };
        let invalid = FailureCode::InvalidSpec;
        spec.map_err(|faults| PrepareError::permanent(invalid, faults.to_string()))
    }

    async fn parent(&self, job: &Job) -> Result<Job, PrepareError> {
        let parent = match job.parent {
            Some(parent) => self.jobs.job(parent).await?,
            None => None,
        };
        parent.ok_or_else(|| {
            let message = "a share is part of a sweep, and this one is of none";
            PrepareError::permanent(FailureCode::InvalidSpec, message)
        })
    }
}

fn missing(session: JobId) -> PrepareError {
    let message = format!(
        "the training {session} has no predictions to go by: choose another, or train again"
    );
    PrepareError::permanent(FailureCode::InvalidSpec, message)
}
