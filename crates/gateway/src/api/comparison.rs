use std::collections::BTreeMap;

use alphafleet_domain::job::{JobKind, StateName};
use alphafleet_domain::{ArtifactKind, Job, JobId, UserId};
use alphafleet_protocol::api::{
    BacktestComparison, ComparedBacktest, ComparedField, ComparedFigure,
};
use alphafleet_specs::BacktestSpec;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::sessions::owned;
use super::{State, ok};
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Query};

/// How many backtests are compared.
const MOST: usize = 10;

#[derive(Deserialize)]
pub(crate) struct CompareQuery {
    ids: Option<String>,
}

pub(crate) async fn compare(
    gateway: State,
    user: Authenticated,
    Query(query): Query<CompareQuery>,
) -> Answer {
    let mut jobs = Vec::new();
    for id in ids(query.ids.as_deref().unwrap_or_default())? {
        jobs.push(completed(&gateway, user.id, id).await?);
    }
    let sessions = jobs.iter().map(compared).collect::<Result<_, _>>()?;
    let conventions = conventions(&gateway, &jobs).await?;
    let figures = figures(&jobs, &conventions);
    Ok(ok(BacktestComparison { sessions, figures, differences: differences(&jobs) }))
}

fn ids(text: &str) -> Result<Vec<JobId>, ApiError> {
    let invalid = |code: &str, message: String| ApiError::invalid_field("ids", code, message);
    let mut ids: Vec<JobId> = Vec::new();
    for text in text.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        let id = text.parse().map_err(|error: alphafleet_domain::ParseIdError| {
            invalid("invalid", error.to_string())
        })?;
        if ids.contains(&id) {
            return Err(invalid("conflict", format!("names {id} twice")));
        }
        ids.push(id);
        if ids.len() > MOST {
            break;
        }
    }
    if !(2..=MOST).contains(&ids.len()) {
        let message = format!("give 2 to {MOST} sessions, separated by commas");
        return Err(invalid("out_of_range", message));
    }
    Ok(ids)
}

async fn completed(gateway: &Gateway, owner: UserId, id: JobId) -> Result<Job, ApiError> {
    let job = owned(gateway, owner, id).await?;
    if job.kind != JobKind::Backtest {
        let message = format!("{id} is a {}, not a backtest", job.kind.as_str());
        return Err(ApiError::invalid_field("ids", "not_a_backtest", message));
    }
    match job.state.name() {
        StateName::Completed => Ok(job),
        state => {
            let message = format!("{id} is {state}; only completed backtests have figures");
            Err(ApiError::invalid_field("ids", "not_completed", message))
        }
    }
}

fn compared(job: &Job) -> Result<ComparedBacktest, ApiError> {
    let spec = BacktestSpec::from_value(&job.spec)?;
    let period = spec.plan.period();
    let engine = job.spec.pointer("/plan/engine").and_then(Value::as_str).unwrap_or_default();
    Ok(ComparedBacktest {
        id: job.id,
        strategy_id: job.strategy,
        strategy: spec.plan.strategy_type().to_owned(),
        engine: engine.to_owned(),
        start_date: period.start,
        end_date: period.end,
        out_of_sample: spec.is_out_of_sample(),
        created_at: job.created_at,
    })
}

/// What the figures mean, as the files of the sessions say it.
async fn conventions(gateway: &Gateway, jobs: &[Job]) -> Result<Map<String, Value>, ApiError> {
    let mut conventions = Map::new();
    for job in jobs {
        let artifacts = gateway.parts.jobs.artifacts(job.id).await?;
        let metrics = artifacts.into_iter().find(|file| file.kind == ArtifactKind::Metrics);
        let Some(metrics) = metrics else { continue };
        let key = metrics.key.parse().map_err(|error| ApiError::internal(&error))?;
        let bytes = gateway.parts.artifacts.get(&key).await?;
        let document: Value =
            serde_json::from_slice(&bytes).map_err(|error| ApiError::internal(&error))?;
        let own = document.get("conventions").and_then(Value::as_object);
        for (name, convention) in own.into_iter().flatten() {
            conventions.entry(name).or_insert_with(|| convention.clone());
        }
    }
    Ok(conventions)
}

/// The figures in the order in which the results have them.
fn figures(jobs: &[Job], conventions: &Map<String, Value>) -> Vec<ComparedFigure> {
    let metrics = |job: &Job| {
        let metrics = job.result.as_ref().and_then(|result| result.get("metrics"));
        metrics.and_then(Value::as_object).cloned().unwrap_or_default()
    };
    let metrics: Vec<Map<String, Value>> = jobs.iter().map(metrics).collect();
    let mut names: Vec<&String> = Vec::new();
    for name in metrics.iter().flat_map(Map::keys) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let figure = |name: &String| ComparedFigure {
        name: name.clone(),
        convention: conventions.get(name).and_then(Value::as_str).map(str::to_owned),
        values: metrics.iter().map(|of| of.get(name).and_then(Value::as_f64)).collect(),
    };
    names.into_iter().map(figure).collect()
}

fn differences(jobs: &[Job]) -> Vec<ComparedField> {
    let fields: Vec<BTreeMap<String, Value>> = (jobs.iter())
        .map(|job| {
            let mut fields = BTreeMap::new();
            flatten("", &job.spec, &mut fields);
            fields
        })
        .collect();
    let mut names: Vec<&String> = fields.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let field = |name: &String| ComparedField {
        field: name.clone(),
        values: fields.iter().map(|of| of.get(name).cloned().unwrap_or_default()).collect(),
    };
    let differs = |field: &ComparedField| field.values.windows(2).any(|pair| pair[0] != pair[1]);
    names.into_iter().map(field).filter(differs).collect()
}

/// Every value that is no object, by its path.
fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, into);
            }
        }
        value => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn two_to_ten_sessions_are_compared_each_once() {
        let some = |count: usize| {
            let ids: Vec<String> = (0..count).map(|_| JobId::new().to_string()).collect();
            ids.join(",")
        };
        for (text, taken) in [
            (String::new(), None),
            (some(1), None),
            (some(2), Some(2)),
            (format!(" {} , ", some(3)), Some(3)),
            (some(10), Some(10)),
            (some(11), None),
            (format!("{},x", some(2)), None),
        ] {
            assert_eq!(ids(&text).ok().map(|ids| ids.len()), taken, "{text}");
        }
        let one = some(1);
        assert!(ids(&format!("{one},{one}")).is_err());
    }
}
