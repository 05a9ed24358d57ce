use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::FailureCode;
use alphafleet_domain::ports::FeatureCache;
use alphafleet_domain::{CachedFeature, FeatureClaim, FeatureKey, Job};
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::PrepareError;
use alphafleet_worker::child::{ColumnKey, DatasetInput, FeatureInput};

use super::keys::columns;

/// Between two looks whether another attempt has computed a column.
const NAP: Duration = Duration::from_millis(250);

/// What computations of features need: the columns with what is stored of them. The others are
/// claimed for the attempt; it waits while another one computes some of them, holding nothing.
pub(crate) struct FeatureInputs {
    cache: Arc<dyn FeatureCache>,
}

impl FeatureInputs {
    pub fn new(cache: Arc<dyn FeatureCache>) -> Self {
        Self { cache }
    }

    pub async fn features(
        &self,
        job: &Job,
        data: &DatasetInput,
    ) -> Result<FeatureInput, PrepareError> {
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
