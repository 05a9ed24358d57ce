use actix_web::HttpRequest;
use alphafleet_domain::ports::{IdempotencyKey, NewJob};
use alphafleet_domain::{DatasetVersion, JobKind, UserId};
use alphafleet_jobs::SubmitRequest;
use alphafleet_specs::{FactorEvaluationSpec, FeatureComputationSpec, Limits};
use serde_json::Value;

use super::train::{accepted, limits, pinned};
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
    let kind = JobKind::FeatureComputation;
    let work = Work { kind, spec: spec.to_value(), limits: spec.limits, version, idempotency };
    start(&gateway, client, user.id, work).await
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
    let (kind, limits) = (JobKind::FactorEvaluation, spec.computation.limits);
    let work = Work { kind, spec: spec.to_value(), limits, version, idempotency };
    start(&gateway, client, user.id, work).await
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
    spec.dataset.version = Some(version.id.to_string());
    Ok(version)
}

/// Work with features that is to start.
struct Work {
    kind: JobKind,
    spec: Value,
    limits: Limits,
    version: DatasetVersion,
    idempotency: Option<IdempotencyKey>,
}

async fn start(gateway: &Gateway, client: Client, owner: UserId, work: Work) -> Answer {
    let mut job = NewJob::new(owner, work.kind, work.spec);
    job.limits = limits(job.limits, work.limits);
    job.dataset_version = Some(work.version.id);
    let mut request = SubmitRequest::new(job, client.origin(owner));
    request.idempotency = work.idempotency;
    request.traceparent = client.traceparent;
    Ok(accepted(gateway.parts.submit.submit(request).await?.into_job()))
}
