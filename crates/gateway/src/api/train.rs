use actix_web::HttpRequest;
use alphafleet_callbacks::CallbackUrl;
use alphafleet_domain::job::Priority;
use alphafleet_domain::ports::IdempotencyKey;
use alphafleet_domain::{Job, JobKind, StrategyId, UserId};
use alphafleet_specs::{StrategyConfig, TrainRequest, TrainingSpec};

use super::work::{Work, accepted, check_members, pinned};
use super::{State, features, strategies};
use crate::access::{Execute, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, JsonValue, PathId, idempotency_key};

pub(crate) async fn train(
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
    let order = Order {
        spec: TrainRequest::resolve(&body.value, Some(&config))?,
        strategy: Some(id),
        experiment: strategy.draft.name,
        priority: Priority::default(),
        callback_url: None,
        idempotency,
    };
    Ok(accepted(start(&gateway, client, user.id, order).await?))
}

/// A training that is to start.
pub(super) struct Order {
    pub spec: TrainingSpec,
    pub strategy: Option<StrategyId>,
    /// Name of the experiment it joins.
    pub experiment: String,
    pub priority: Priority,
    pub callback_url: Option<CallbackUrl>,
    pub idempotency: Option<IdempotencyKey>,
}

/// Looks up the features that are named, pins the data and submits.
pub(super) async fn start(
    gateway: &Gateway,
    client: Client,
    owner: UserId,
    mut order: Order,
) -> Result<Job, ApiError> {
    features::resolve(gateway, owner, &mut order.spec.features).await?;
    let names = ["dataset_name", "dataset_version"];
    let version = pinned(gateway, owner, &order.spec.dataset, names).await?;
    order.spec.fundamentals().check(&order.spec.dataset.name, &version)?;
    check_members(gateway, &order.spec.universe, "universe", &version).await?;
    order.spec.dataset.version = Some(version.id.to_string());
    let work = Work {
        strategy: order.strategy,
        experiment: Some(order.experiment),
        priority: order.priority,
        callback_url: order.callback_url,
        idempotency: order.idempotency,
        ..Work::new(JobKind::Training, order.spec.to_value(), order.spec.limits, &version)
    };
    work.start(gateway, client, owner).await
}
