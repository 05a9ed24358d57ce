use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::FailureCode;
use alphafleet_domain::ports::{DatasetStore, FeatureCache};
use alphafleet_domain::{CachedFeature, FeatureClaim, FeatureKey, Job, JobKind};
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{ColumnKey, DatasetInput, FeatureInput, Inputs};
use alphafleet_worker::{DatasetInputs, Prepare, PrepareError};
use async_trait::async_trait;
use serde_json::Value;

use super::keys::columns;

/// Between two looks whether another attempt has computed a column.
const NAP: Duration = Duration::from_millis(250);

/// What handlers need: a job's dataset and, for computations of features, the columns with what
/// is stored of them. The others are claimed for the attempt; it waits while another one computes
/// some of them, holding nothing.
pub(crate) struct FeatureInputs {
    datasets: DatasetInputs,
    cache: Arc<dyn FeatureCache>,
}

impl FeatureInputs {
    pub fn new(datasets: Arc<dyn DatasetStore>, cache: Arc<dyn FeatureCache>) -> Self {
        Self { datasets: DatasetInputs(datasets), cache }
    }

    async fn features(&self, job: &Job, data: &DatasetInput) -> Result<FeatureInput, PrepareError> {
        let invalid = |faults: alphafleet_specs::Faults| {
            PrepareError::permanent(FailureCode::InvalidSpec, faults.to_string())
        };
        let spec = FeatureComputationSpec::from_value(&job.spec).map_err(invalid)?;
        let columns = columns(&spec, &data.manifest_sha256).map_err(invalid)?;
        let ready = self.claim(job, data, &columns).await?;
        Ok(FeatureInput { columns, ready })
    }

    async fn claim(
        &self,
        job: &Job,
        data: &DatasetInput,
        columns: &[ColumnKey],
    ) -> Result<Vec<CachedFeature>, PrepareError> {
        let Some(lease) = job.lease() else {
            let message = "the job has no lease";
            return Err(PrepareError::permanent(FailureCode::Internal, message));
        };
        let keys: Vec<FeatureKey> = columns.iter().map(|column| column.key.clone()).collect();
        let time = job.limits.hard();
        loop {
            match self.cache.claim_features(lease, data.version, &keys, time).await? {
                FeatureClaim::Claimed { ready } => return Ok(ready),
                FeatureClaim::Wait { .. } => tokio::time::sleep(NAP).await,
            }
        }
    }
}

#[async_trait]
impl Prepare for FeatureInputs {
    async fn inputs(&self, job: &Job) -> Result<Value, PrepareError> {
        if job.kind != JobKind::FeatureComputation {
            return self.datasets.inputs(job).await;
        }
        let Some(dataset) = self.datasets.dataset(job).await? else {
            let message = "the job names no dataset version";
            return Err(PrepareError::permanent(FailureCode::InvalidSpec, message));
        };
        let features = self.features(job, &dataset).await?;
        Inputs { dataset: Some(dataset), features: Some(features) }.to_value()
    }
}
