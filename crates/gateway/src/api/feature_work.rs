use actix_web::HttpRequest;
use alphafleet_domain::{DatasetVersion, JobKind, UserId};
use alphafleet_specs::{FactorEvaluationSpec, FeatureComputationSpec};

use super::work::{Work, accepted, check_members, pinned};
use super::{State, features};
use crate::access::{Execute, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, JsonValue, idempotency_key};

pub(crate) async fn calculate(
    gateway: State,
    client: Client,
    user: Requires<Execute>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    if let Some(job) = gateway.parts.submit.earlier(user.id, idempotency.as_ref()).await? {
        return Ok(accepted(job));
    }
    let mut spec = FeatureComputationSpec::from_value(&body.value)?;
    let version = settle(&gateway, user.id, &mut spec).await?;
    let work = Work::new(JobKind::FeatureComputation, spec.to_value(), spec.limits, &version);
    let work = Work { idempotency, ..work };
    Ok(accepted(work.start(&gateway, client, user.id).await?))
}

pub(crate) async fn evaluate(
    gateway: State,
    client: Client,
    user: Requires<Execute>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    if let Some(job) = gateway.parts.submit.earlier(user.id, idempotency.as_ref()).await? {
        return Ok(accepted(job));
    }
    let mut spec = FactorEvaluationSpec::from_value(&body.value)?;
    let version = settle(&gateway, user.id, &mut spec.computation).await?;
    let limits = spec.computation.limits;
    let work = Work::new(JobKind::FactorEvaluation, spec.to_value(), limits, &version);
    let work = Work { idempotency, ..work };
    Ok(accepted(work.start(&gateway, client, user.id).await?))
}

/// Looks every name up and pins the exact data that the specification is about.
pub(super) async fn settle(
    gateway: &Gateway,
    owner: UserId,
    spec: &mut FeatureComputationSpec,
) -> Result<DatasetVersion, ApiError> {
    features::resolve(gateway, owner, &mut spec.features).await?;
    let version =
        pinned(gateway, owner, &spec.dataset, ["dataset.name", "dataset.version"]).await?;
    spec.fundamentals().check(&spec.dataset.name, &version)?;
    check_members(gateway, &spec.universe, "universe", &version).await?;
    spec.dataset.version = Some(version.id.to_string());
    Ok(version)
}
