use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::FailureCode;
use alphafleet_domain::ports::{DatasetStore, FeatureCache};
use alphafleet_domain::{CachedFeature, FeatureClaim, FeatureKey, Job};
use alphafleet_specs::{Faults, FeatureComputationSpec};
use alphafleet_worker::PrepareError;
use alphafleet_worker::child::{ColumnKey, DatasetInput, EarlierColumn, FeatureInput};

use super::keys::columns;

/// Between two looks whether another attempt has computed a column.
const NAP: Duration = Duration::from_millis(250);
/// How many versions back a column to go on from is looked for.
const GENERATIONS: usize = 8;

/// What computations of features need: the columns with what is stored of them, or of the data they
/// grew from. The others are claimed for the attempt; it waits while another one computes some of
/// them, holding nothing.
pub(crate) struct FeatureInputs {
    datasets: Arc<dyn DatasetStore>,
    cache: Arc<dyn FeatureCache>,
}

impl FeatureInputs {
    pub fn new(datasets: Arc<dyn DatasetStore>, cache: Arc<dyn FeatureCache>) -> Self {
        Self { datasets, cache }
    }

    pub async fn features(
        &self,
        job: &Job,
        data: &DatasetInput,
    ) -> Result<FeatureInput, PrepareError> {
        let spec = FeatureComputationSpec::from_value(&job.spec).map_err(invalid)?;
        let columns = columns(&spec, &data.manifest_sha256).map_err(invalid)?;
        let ready = self.claim(job, data, &columns).await?;
        let known: HashSet<&FeatureKey> = ready.iter().map(|one| &one.key).collect();
        let mut missing: Vec<ColumnKey> = columns.clone();
        missing.retain(|column| !known.contains(&column.key));
        let earlier = self.earlier(&spec, data, missing).await?;
        Ok(FeatureInput { columns, ready, earlier })
    }

    /// What is stored of columns over the versions that this one came from, the nearest first.
    async fn earlier(
        &self,
        spec: &FeatureComputationSpec,
        data: &DatasetInput,
        mut missing: Vec<ColumnKey>,
    ) -> Result<Vec<EarlierColumn>, PrepareError> {
        let mut found = Vec::new();
        let mut version = self.datasets.version(data.version).await?;
        for _ in 0..GENERATIONS {
            let parent = version.and_then(|version| version.parent);
            let (Some(parent), false) = (parent, missing.is_empty()) else { break };
            version = self.datasets.version(parent).await?;
            let Some(parent) = &version else { break };
            let there = columns(spec, &parent.manifest_sha256).map_err(invalid)?;
            let there: HashMap<String, FeatureKey> =
                there.into_iter().map(|column| (column.name, column.key)).collect();
            let keys: Vec<FeatureKey> =
                missing.iter().filter_map(|column| there.get(&column.name).cloned()).collect();
            let stored = self.cache.cached_features(&keys).await?;
            let stored: HashMap<&FeatureKey, &CachedFeature> =
                stored.iter().map(|one| (&one.key, one)).collect();
            missing.retain(|column| {
                let one = there.get(&column.name).and_then(|key| stored.get(key));
                let earlier =
                    one.map(|&one| EarlierColumn { key: column.key.clone(), stored: one.clone() });
                let none = earlier.is_none();
                found.extend(earlier);
                none
            });
        }
        Ok(found)
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

fn invalid(faults: Faults) -> PrepareError {
    PrepareError::permanent(FailureCode::InvalidSpec, faults.to_string())
}
