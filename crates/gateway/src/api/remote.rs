//! The contract of a remote training server, for other platforms.

use actix_web::{HttpRequest, HttpResponse};
use alphafleet_callbacks::CallbackUrl;
use alphafleet_domain::job::Priority;
use alphafleet_domain::{Job, StrategyId, UserId};
use alphafleet_protocol::api::{TaskAccepted, TaskId, TaskView};
use alphafleet_specs::{
    RemoteBase, RemoteTrainRequest, RemoteTraining, StrategyConfig, TrainRequest,
};

use super::train::{Order, start};
use super::{State, ok};
use crate::access::{Authenticated, Execute, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, JsonValue, PathId, idempotency_key};

/// The experiment of sessions without a strategy.
const EXPERIMENT: &str = "remote";

pub(crate) async fn train(
    gateway: State,
    client: Client,
    user: Requires<Execute>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    if let Some(job) = gateway.parts.submit.earlier(user.id, idempotency.as_ref()).await? {
        return Ok(accepted(&job));
    }
    let request = RemoteTrainRequest::take_apart(&body.value)?;
    let order = order(&gateway, user.id, request).await?;
    let order = Order { idempotency, ..order };
    Ok(accepted(&start(&gateway, client, user.id, order).await?))
}

fn accepted(job: &Job) -> HttpResponse {
    let task_id = TaskId(job.id);
    let (status, message) = ("success".to_owned(), format!("{task_id} is taken in."));
    HttpResponse::Accepted().json(TaskAccepted { task_id, status, message })
}

async fn order(
    gateway: &Gateway,
    owner: UserId,
    request: RemoteTraining,
) -> Result<Order, ApiError> {
    let callback_url = request.callback_url.as_deref().map(|url| {
        CallbackUrl::parse(url, &gateway.guard)
            .map_err(|fault| ApiError::invalid_field("callback_url", "invalid", fault.to_string()))
    });
    let callback_url = callback_url.transpose()?;
    let (strategy, name, spec) = match &request.base {
        RemoteBase::Config(config) => {
            let spec = TrainRequest::resolve(&request.training, Some(config));
            (None, EXPERIMENT.to_owned(), spec.map_err(RemoteTrainRequest::rename)?)
        }
        RemoteBase::Strategy(id) => {
            let id = strategy_id(id)?;
            let strategy = gateway.parts.strategies.strategy(owner, id).await?;
            let strategy = strategy.ok_or_else(unknown_strategy)?.strategy;
            let config = StrategyConfig::from_value(&strategy.draft.config)?;
            let spec = TrainRequest::resolve(&request.training, Some(&config))?;
            (Some(id), strategy.draft.name, spec)
        }
    };
    Ok(Order {
        spec,
        strategy,
        experiment: request.experiment.unwrap_or(name),
        priority: Priority(request.priority),
        callback_url,
        idempotency: None,
    })
}

fn strategy_id(text: &str) -> Result<StrategyId, ApiError> {
    text.parse().map_err(|_| unknown_strategy())
}

fn unknown_strategy() -> ApiError {
    ApiError::invalid_field("strategy_id", "unknown_strategy", "you have no such strategy")
}

pub(crate) async fn task(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<TaskId>,
) -> Answer {
    let job = gateway.parts.jobs.job(id.0).await?.filter(|job| job.owner == user.id);
    Ok(ok(TaskView::from(job.ok_or_else(|| ApiError::not_found("task"))?)))
}
