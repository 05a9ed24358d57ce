use actix_web::{HttpRequest, web};
use alphafleet_domain::{JobKind, StrategyId};
use alphafleet_specs::{BacktestSweepRequest, BacktestSweepSpec, Faults, StrategyConfig};
use serde_json::Value;

use super::backtest::complete;
use super::work::{Work, accepted};
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
    // A large grid may take a second to check and to cut.
    let checked = web::block(move || {
        let spec = BacktestSweepSpec::new(backtest, sweep)?;
        spec.fundamentals().check(&spec.backtest.dataset.name, &version)?;
        let children = shares(&spec);
        Ok::<_, Faults>((spec, children, version))
    });
    let checked = checked.await.map_err(|error| ApiError::internal(&error))?;
    let (spec, children, version) = checked?;
    let work = Work {
        strategy: Some(id),
        experiment: Some(strategy.draft.name),
        idempotency,
        children,
        ..Work::new(JobKind::BacktestSweep, spec.to_value(), spec.backtest.limits, &version)
    };
    Ok(accepted(work.start(&gateway, client, user.id).await?))
}

/// The parts of the sweep that workers run side by side; none where it is run as a whole.
fn shares(spec: &BacktestSweepSpec) -> Vec<(JobKind, Value)> {
    let shares = spec.shares().into_iter();
    shares.map(|share| (JobKind::BacktestSweepShare, share.to_value())).collect()
}
