use std::sync::Arc;

use alphafleet_domain::job::{FailureCode, JobKind, StateName};
use alphafleet_domain::ports::JobStore;
use alphafleet_domain::{ArtifactKind, Job, JobId};
use alphafleet_specs::{BacktestSpec, BacktestSweepShareSpec, BacktestSweepSpec};
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

    /// Where the predictions of the trainings lie that the backtest names, in their order.
    pub async fn signals(&self, job: &Job) -> Result<Vec<SignalInput>, PrepareError> {
        let mut inputs = Vec::new();
        for signal in backtest(job)?.signals {
            inputs.push(self.predictions(job, signal.session).await?);
        }
        Ok(inputs)
    }

    /// The training must be the backtest's owner's own and complete.
    async fn predictions(&self, job: &Job, session: JobId) -> Result<SignalInput, PrepareError> {
        let training = self.jobs.job(session).await?;
        let is_usable = training.is_some_and(|training| {
            training.owner == job.owner
                && training.kind == JobKind::Training
                && training.state.name() == StateName::Completed
        });
        let artifacts = if is_usable { self.jobs.artifacts(session).await? } else { Vec::new() };
        let found = artifacts.into_iter().find(|file| file.kind == ArtifactKind::Predictions);
        let Some(predictions) = found else { return Err(missing(session)) };
        let (key, sha256) = (predictions.key, predictions.sha256);
        Ok(SignalInput { session, key, sha256 })
    }
}

/// What the job backtests. A share does what the sweep does that it is a part of.
fn backtest(job: &Job) -> Result<BacktestSpec, PrepareError> {
    let spec = match job.kind {
        JobKind::BacktestSweep => {
            BacktestSweepSpec::from_value(&job.spec).map(|spec| spec.backtest)
        }
        JobKind::BacktestSweepShare => {
            BacktestSweepShareSpec::from_value(&job.spec).map(|spec| spec.sweep.backtest)
        }
        _ => BacktestSpec::from_value(&job.spec),
    };
    let invalid = FailureCode::InvalidSpec;
    spec.map_err(|faults| PrepareError::permanent(invalid, faults.to_string()))
}

fn missing(session: JobId) -> PrepareError {
    let message = format!(
        "the training {session} has no predictions to go by: choose another, or train again"
    );
    PrepareError::permanent(FailureCode::InvalidSpec, message)
}
