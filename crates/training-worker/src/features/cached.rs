use std::collections::HashMap;

use alphafleet_datasets::features::FeatureColumn;
use alphafleet_domain::job::LogLevel;
use alphafleet_domain::{CachedFeature, FeatureKey};
use alphafleet_worker::child::{Context, HandlerError};

use super::rows::Rows;
use super::storage::Storage;

/// Reads the stored columns. One that is missing, broken or of other bars is said to be so and
/// left out: it is then computed anew. The first to be read sets the bars if nothing else has.
pub(super) fn read(
    storage: &Storage,
    ready: &[CachedFeature],
    rows: &mut Option<Rows>,
    ctx: &Context,
) -> Result<HashMap<FeatureKey, Vec<f32>>, HandlerError> {
    let mut values = HashMap::with_capacity(ready.len());
    for feature in ready {
        ctx.check()?;
        match storage.column(feature) {
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
