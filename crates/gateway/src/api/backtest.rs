use actix_web::HttpRequest;
use alphafleet_domain::{DatasetVersion, JobKind, StrategyId, UserId};
use alphafleet_specs::{
    BacktestDraft, BacktestRequest, BacktestSpec, DatasetRef, DateRange, StrategyConfig,
};

use super::scores::scores;
use super::work::{Work, accepted, contents, pinned};
use super::{State, strategies};
use crate::access::{Execute, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, JsonValue, PathId, idempotency_key};

pub(crate) async fn backtest(
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
    let draft = BacktestRequest::resolve(&body.value, &config)?;
    let (spec, version) = complete(&gateway, user.id, id, draft).await?;
    let work = Work {
        strategy: Some(id),
        experiment: Some(strategy.draft.name),
        idempotency,
        ..Work::new(JobKind::Backtest, spec.to_value(), spec.limits, &version)
    };
    Ok(accepted(work.start(&gateway, client, user.id).await?))
}

/// The specification with its scores found, and the exact data it is about.
pub(super) async fn complete(
    gateway: &Gateway,
    owner: UserId,
    strategy: StrategyId,
    draft: BacktestDraft,
) -> Result<(BacktestSpec, DatasetVersion), ApiError> {
    let scores = scores(gateway, owner, strategy, &draft).await?;
    if let Some(scores) = &scores {
        scores.check(&draft)?;
    }
    let trained = scores.as_ref().map(|scores| &scores.trained);
    let dataset = draft.dataset(trained)?;
    let names = ["parameters.dataset.name", "parameters.dataset.version"];
    let version = pinned(gateway, owner, &dataset, names).await?;
    within(draft.plan.period(), &version)?;
    let contents = contents(gateway, &version).await?;
    let dataset = DatasetRef { version: Some(version.id.to_string()), ..dataset };
    let spec = draft.complete(dataset, trained, &contents.instruments)?;
    spec.universe.check_members("parameters.universe", &contents.columns)?;
    spec.fundamentals().check(&spec.dataset.name, &version)?;
    Ok((spec, version))
}

/// Refuses a period that reaches out of the data.
fn within(period: DateRange, version: &DatasetVersion) -> Result<(), ApiError> {
    let (from, to) = (version.start.date(), version.end.date());
    let outside = [("start_date", period.start), ("end_date", period.end)];
    match outside.into_iter().find(|(_, day)| *day < from || to < *day) {
        None => Ok(()),
        Some((field, day)) => {
            let message = format!("{day} is outside of the data, which reach from {from} to {to}");
            Err(ApiError::invalid_field(field, "outside_data", message))
        }
    }
}
