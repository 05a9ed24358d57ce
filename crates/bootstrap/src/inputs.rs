//! What handlers need and cannot look up for themselves.

mod parts;
mod signal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use alphafleet_domain::Job;
use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_domain::ports::{DatasetStore, FeatureCache, JobStore};
use alphafleet_worker::child::{DatasetInput, Inputs};
use alphafleet_worker::{DatasetInputs, Prepare, PrepareError};
use async_trait::async_trait;
use serde_json::Value;

use crate::features::FeatureInputs;
use parts::PartInputs;
use signal::SignalInputs;

/// A job's dataset; for computations of features their columns, for backtests their scores, for a
/// job with children what they left.
pub(crate) struct JobInputs {
    datasets: DatasetInputs,
    features: FeatureInputs,
    signals: SignalInputs,
    parts: PartInputs,
}

impl JobInputs {
    pub fn new(
        jobs: Arc<dyn JobStore>,
        datasets: Arc<dyn DatasetStore>,
        cache: Arc<dyn FeatureCache>,
    ) -> Self {
        Self {
            features: FeatureInputs::new(Arc::clone(&datasets), cache),
            datasets: DatasetInputs(datasets),
            signals: SignalInputs::new(Arc::clone(&jobs)),
            parts: PartInputs::new(jobs),
        }
    }

    async fn dataset(&self, job: &Job) -> Result<DatasetInput, PrepareError> {
        self.datasets.dataset(job).await?.ok_or_else(|| {
            let message = "the job names no dataset version";
            PrepareError::permanent(FailureCode::InvalidSpec, message)
        })
    }
}

#[async_trait]
impl Prepare for JobInputs {
    async fn inputs(&self, job: &Job) -> Result<Value, PrepareError> {
        let mut inputs = Inputs { parts: self.parts.parts(job).await?, ..Inputs::default() };
        match job.kind {
            JobKind::FeatureComputation => {
                let dataset = self.dataset(job).await?;
                inputs.features = Some(self.features.features(job, &dataset).await?);
                inputs.dataset = Some(dataset);
            }
            JobKind::Backtest | JobKind::BacktestSweep | JobKind::BacktestSweepShare => {
                inputs.dataset = Some(self.dataset(job).await?);
                inputs.signals = self.signals.signals(job).await?;
            }
            JobKind::Training | JobKind::FactorEvaluation | JobKind::Probe => {
                inputs.dataset = self.datasets.dataset(job).await?;
            }
        }
        match inputs == Inputs::default() {
            true => Ok(Value::Null),
            false => inputs.to_value(),
        }
    }
}
