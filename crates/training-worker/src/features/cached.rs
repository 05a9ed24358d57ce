use std::collections::HashMap;

use alphafleet_datasets::features::{FeatureColumn, read_feature};
use alphafleet_datasets::{ArtifactKey, ArtifactStore, DatasetError, open_store};
use alphafleet_domain::job::{FailureCode, LogLevel};
use alphafleet_domain::{CachedFeature, FeatureKey};
use alphafleet_worker::child::{Context, HandlerError};

use super::rows::Rows;

/// Reads the stored columns. One that is missing, broken or of other bars is said to be so and
/// left out: it is then computed anew. The first to be read sets the bars if nothing else has.
pub(super) fn read(
    storage_url: &str,
    ready: &[CachedFeature],
    rows: &mut Option<Rows>,
    ctx: &Context,
) -> Result<HashMap<FeatureKey, Vec<f32>>, HandlerError> {
    let failed = |error: &dyn std::fmt::Display| {
        HandlerError::retryable(FailureCode::Internal, error.to_string())
    };
    let store = open_store(storage_url).map_err(|error| failed(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let mut values = HashMap::with_capacity(ready.len());
    for feature in ready {
        ctx.check()?;
        match runtime.block_on(column(&store, feature)) {
            Ok(column) if rows.as_ref().is_none_or(|rows| rows.are_those_of(&column)) => {
                let FeatureColumn { instruments, times, values: own } = column;
                rows.get_or_insert(Rows { instruments, times });
                values.insert(feature.key.clone(), own);
            }
            Ok(_) => again(ctx, feature, "it is of other bars"),
            Err(error) => again(ctx, feature, &error.to_string()),
        }
    }
    Ok(values)
}

fn again(ctx: &Context, feature: &CachedFeature, why: &str) {
    let message = format!("{} is computed again: {why}", feature.object_key);
    ctx.log(LogLevel::Warn, &message);
}

async fn column(
    store: &dyn ArtifactStore,
    feature: &CachedFeature,
) -> Result<FeatureColumn, DatasetError> {
    let key: ArtifactKey = feature.object_key.parse()?;
    let bytes = store.get(&key).await?;
    read_feature(&feature.object_key, bytes, &feature.sha256)
}
