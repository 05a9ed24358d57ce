use actix_web::{HttpRequest, web};
use alphafleet_domain::ports::NewJob;
use alphafleet_domain::{JobKind, StrategyId};
use alphafleet_jobs::SubmitRequest;
use alphafleet_specs::{BacktestSweepRequest, BacktestSweepSpec, StrategyConfig};

use super::backtest::complete;
use super::train::{accepted, limits};
use super::{State, strategies};
use crate::access::{Execute, Requires};
use crate::error::ApiError;
use crate::request::{Answer, Client, JsonValue, PathId, idempotency_key};

pub(crate) async fn sweep(
    gateway: State,
    client: Client,
    user: Requires<Execute>,
    PathId(id): PathId<StrategyId>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    if let Some(job) = gateway.parts.submit.earlier(user.id, idempotency.as_ref()).await? {
        return Ok(accepted(job));
    }
    let strategy = strategies::found(&gateway, user.id, id).await?.strategy;
    let config = StrategyConfig::from_value(&strategy.draft.config)?;
    let (draft, sweep) = BacktestSweepRequest::resolve(&body.value, &config)?;
    let (backtest, version) = complete(&gateway, user.id, id, draft).await?;
    // A large grid may take a second to check.
    let spec = web::block(move || BacktestSweepSpec::new(backtest, sweep)).await;
    let spec = spec.map_err(|error| ApiError::internal(&error))??;
    let mut job = NewJob::new(user.id, JobKind::BacktestSweep, spec.to_value());
    job.limits = limits(job.limits, spec.backtest.limits);
    job.strategy = Some(id);
    job.dataset_version = Some(version.id);
    let mut request = SubmitRequest::new(job, client.origin(user.id));
    request.idempotency = idempotency;
    request.experiment = Some(strategy.draft.name);
    request.traceparent = client.traceparent;
    Ok(accepted(gateway.parts.submit.submit(request).await?.into_job()))
}
