use alphafleet_datasets::Adjustment;
use alphafleet_datasets::features::FeatureIdentity;
use alphafleet_domain::FeatureKey;
use alphafleet_specs::{Adjustment as Wanted, Faults, FeatureComputationSpec};
use alphafleet_worker::child::ColumnKey;

/// What each feature's column is known by on the data of this manifest.
pub(super) fn columns(
    spec: &FeatureComputationSpec,
    manifest_sha256: &str,
) -> Result<Vec<ColumnKey>, Faults> {
    let universe = serde_json::to_string(&spec.universe).unwrap_or_default();
    let adjustment = match spec.adjustment {
        Wanted::None => Adjustment::None,
        Wanted::Backward => Adjustment::Backward,
        Wanted::Forward => Adjustment::Forward,
    };
    let formulas = spec.features.formulas()?.into_iter();
    let column = |(name, formula): (String, alphafleet_specs::Formula)| {
        let identity = FeatureIdentity {
            manifest_sha256,
            formula: &formula.canonical,
            adjustment,
            universe: &universe,
        };
        ColumnKey { name, key: FeatureKey(identity.key()) }
    };
    Ok(formulas.map(column).collect())
}
