use actix_web::HttpResponse;
use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{CancelAnswer, JobFilter, MetricQuery};
use alphafleet_domain::{Job, JobId, UserId};
use alphafleet_protocol::api::{CallbackView, SessionList, SessionStatus, SessionView};
use serde::Deserialize;

use super::{State, ok};
use crate::access::{Authenticated, Execute, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, Paging, PathId, Query};

#[derive(Deserialize)]
pub(crate) struct ListQuery {
    strategy_id: Option<String>,
    experiment_id: Option<String>,
    state: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(query): Query<ListQuery>,
) -> Answer {
    let state = query.state.map(|text| text.parse::<StateName>()).transpose();
    let state =
        state.map_err(|message| ApiError::invalid_field("state", "unknown_value", message))?;
    let filter = JobFilter {
        owner: Some(user.id),
        strategy: id("strategy_id", query.strategy_id)?,
        experiment: id("experiment_id", query.experiment_id)?,
        states: state.into_iter().collect(),
        top_level: true,
        ..JobFilter::default()
    };
    let page = gateway.parts.jobs.jobs(&filter, query.paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(SessionList { items, total: page.total }))
}

fn id<T: std::str::FromStr<Err = alphafleet_domain::ParseIdError>>(
    field: &str,
    text: Option<String>,
) -> Result<Option<T>, ApiError> {
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|error: alphafleet_domain::ParseIdError| {
        ApiError::invalid_field(field, "invalid", error.to_string())
    })
}

pub(crate) async fn one(gateway: State, user: Authenticated, PathId(id): PathId<JobId>) -> Answer {
    Ok(ok(SessionView::from(owned(&gateway, user.id, id).await?)))
}

/// The parts of the session.
pub(crate) async fn children(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = paging.request()?;
    owned(&gateway, user.id, id).await?;
    let filter = JobFilter { owner: Some(user.id), parent: Some(id), ..JobFilter::default() };
    let page = gateway.parts.jobs.jobs(&filter, page).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(SessionList { items, total: page.total }))
}

pub(crate) async fn status(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
) -> Answer {
    let job = owned(&gateway, user.id, id).await?;
    let query = MetricQuery { job: id, name: None, limit: 10 };
    let metrics = gateway.parts.jobs.metrics(&query).await?;
    let stages = gateway.parts.jobs.stages(id).await?;
    let progress = job.progress.clone();
    let session = SessionView::from(job);
    Ok(ok(SessionStatus {
        id,
        state: session.state,
        progress: progress.percent,
        stage: progress.stage,
        current_epoch: progress.epoch,
        total_epochs: progress.epochs,
        eta_ms: progress.eta_ms,
        attempt: session.attempt,
        worker_id: session.worker_id,
        error: session.error,
        metrics: metrics.into_iter().map(Into::into).collect(),
        stages: stages.into_iter().map(Into::into).collect(),
    }))
}

pub(crate) async fn stop(
    gateway: State,
    client: Client,
    user: Requires<Execute>,
    PathId(id): PathId<JobId>,
) -> Answer {
    owned(&gateway, user.id, id).await?;
    match gateway.parts.cancel.cancel(id, &client.origin(user.id)).await? {
        CancelAnswer::Cancelled(job) | CancelAnswer::Requested(job) => {
            Ok(HttpResponse::Accepted().json(SessionView::from(job)))
        }
        CancelAnswer::AlreadyEnded(job) => {
            let detail = format!("The session has ended already; it is {}.", job.state.name());
            Err(ApiError::conflict("session_ended", detail))
        }
        CancelAnswer::NotFound => Err(ApiError::not_found("session")),
    }
}

/// How the announcement of the session's end goes.
pub(crate) async fn callback(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
) -> Answer {
    owned(&gateway, user.id, id).await?;
    let callback = gateway.parts.callbacks.callback(id).await?;
    Ok(ok(CallbackView::from(callback.ok_or_else(|| ApiError::not_found("callback"))?)))
}

/// The session, if it is the user's own.
pub(crate) async fn owned(gateway: &Gateway, owner: UserId, id: JobId) -> Result<Job, ApiError> {
    let job = gateway.parts.jobs.job(id).await?;
    job.filter(|job| job.owner == owner).ok_or_else(|| ApiError::not_found("session"))
}
