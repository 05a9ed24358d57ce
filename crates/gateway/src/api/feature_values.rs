use actix_web::web;
use alphafleet_protocol::api::{FeatureValueList, FeatureValueRow};
use alphafleet_specs::{FeatureComputationSpec, FeatureSet};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{State, feature_work, ok};
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::feature_reader::{FeatureRead, FeatureReadError, FeatureValues};
use crate::request::{Answer, Query, bounded};

/// Columns that one answer may have.
const MOST_COLUMNS: usize = 500;

#[derive(Deserialize)]
pub(crate) struct ValuesQuery {
    dataset: String,
    version: Option<String>,
    set: Option<String>,
    names: Option<String>,
    adjustment: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<String>,
}

pub(crate) async fn by_code(
    gateway: State,
    user: Authenticated,
    code: web::Path<String>,
    Query(query): Query<ValuesQuery>,
) -> Answer {
    let limit = bounded("limit", query.limit.as_deref(), 10_000, 100)? as usize;
    let days = (day("from", query.from.as_deref())?, day("to", query.to.as_deref())?);
    let document = json!({
        "dataset": { "name": query.dataset, "version": query.version },
        "features": wanted(query.set.as_deref(), query.names.as_deref())?,
        "adjustment": query.adjustment,
    });
    let mut spec = FeatureComputationSpec::from_value(&document)?;
    let version = feature_work::settle(&gateway, user.id, &mut spec).await?;
    let whole_set = spec.features.set.is_some();
    let (dataset_name, dataset_version_id) = (spec.dataset.name.clone(), version.id);
    let instrument = code.into_inner();
    let read = FeatureRead { spec, version, instrument: instrument.clone(), days };
    let found = gateway.parts.feature_values.read(read).await.map_err(refused)?;
    // Of a whole set, the data may not allow every feature.
    if found.columns.is_empty() || !(whole_set || found.missing.is_empty()) {
        return Err(not_computed(&found.missing));
    }
    let total = found.times.len();
    Ok(ok(FeatureValueList {
        instrument,
        dataset_name,
        dataset_version_id,
        items: rows(&found, total.saturating_sub(limit)),
        total: total as u64,
        columns: found.columns,
        left_out: found.missing,
    }))
}

fn rows(found: &FeatureValues, from: usize) -> Vec<FeatureValueRow> {
    let row = |at: usize| FeatureValueRow {
        datetime: found.times[at],
        values: found
            .values
            .iter()
            .map(|column| Some(column[at]).filter(|v| v.is_finite()))
            .collect(),
    };
    (from..found.times.len()).map(row).collect()
}

/// The features asked for, as the specification says it.
fn wanted(set: Option<&str>, names: Option<&str>) -> Result<Value, ApiError> {
    let names: Vec<&str> =
        names.unwrap_or_default().split(',').map(str::trim).filter(|n| !n.is_empty()).collect();
    if names.len() > MOST_COLUMNS {
        let message = format!("{} names; give at most {MOST_COLUMNS}", names.len());
        return Err(ApiError::invalid_field("names", "out_of_range", message));
    }
    let Some(set) = set else {
        if names.is_empty() {
            let message = "give names of your own features, or a set";
            return Err(ApiError::invalid_field("names", "required", message));
        }
        let own: Vec<String> = names.iter().map(|name| format!("feature:{name}")).collect();
        return Ok(json!({ "expressions": own }));
    };
    let Some(set) = FeatureSet::parse(set) else {
        let known: Vec<&str> = FeatureSet::ALL.iter().map(|set| set.name()).collect();
        let message = format!("unknown set; known are {}", known.join(", "));
        return Err(ApiError::invalid_field("set", "unknown_value", message));
    };
    if names.is_empty() {
        return Ok(json!({ "set": set.name() }));
    }
    let sources = set.sources();
    let mut chosen = Vec::with_capacity(names.len());
    for name in names {
        let Some((name, source)) = sources.iter().find(|(known, _)| known == name) else {
            let message = format!("{} has no feature {name:?}", set.name());
            return Err(ApiError::invalid_field("names", "unknown_value", message));
        };
        chosen.push(json!({ "name": name, "expression": source }));
    }
    Ok(json!({ "expressions": chosen }))
}

fn day(field: &str, text: Option<&str>) -> Result<Option<NaiveDate>, ApiError> {
    let parsed = text.map(|text| text.trim().parse()).transpose();
    parsed.map_err(|_| ApiError::invalid_field(field, "wrong_type", "give a day like 2020-01-31"))
}

fn not_computed(missing: &[String]) -> ApiError {
    let mut names = missing.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if missing.len() > 10 {
        names.push_str(", …");
    }
    let detail = format!(
        "Not computed on this version of the data: {names}. Start it with POST \
         /api/features/calculate."
    );
    ApiError::conflict("features_not_computed", detail)
}

fn refused(error: FeatureReadError) -> ApiError {
    match error {
        FeatureReadError::UnknownInstrument => ApiError::not_found("instrument in the dataset"),
        FeatureReadError::Internal(cause) => ApiError::internal(&*cause),
    }
}
