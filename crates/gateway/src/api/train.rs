use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use alphafleet_domain::job::TimeLimits;
use alphafleet_domain::ports::NewJob;
use alphafleet_domain::{DatasetVersion, Job, JobKind, StrategyId, UserId};
use alphafleet_jobs::SubmitRequest;
use alphafleet_protocol::api::SessionView;
use alphafleet_specs::{DatasetRef, StrategyConfig, TrainRequest};

use super::{State, strategies};
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
    let strategy = strategies::found(&gateway, user.id, id).await?.strategy;
    let config = StrategyConfig::from_value(&strategy.draft.config)?;
    let mut spec = TrainRequest::resolve(&body.value, Some(&config))?;
    let version = pinned(&gateway, user.id, &spec.dataset).await?;
    spec.dataset.version = Some(version.id.to_string());
    let experiments = &gateway.parts.experiments;
    let experiment =
        experiments.ensure_experiment(user.id, &strategy.draft.name, client.at).await?;
    let mut job = NewJob::new(user.id, JobKind::Training, spec.to_value());
    job.limits = limits(job.limits, spec.limits);
    job.strategy = Some(id);
    job.experiment = Some(experiment.id);
    job.dataset_version = Some(version.id);
    let origin = client.origin(user.id);
    let request = SubmitRequest { job, idempotency, origin, traceparent: client.traceparent };
    let submitted = gateway.parts.submit.submit(request).await?;
    Ok(accepted(submitted.into_job()))
}

/// 202 with the session and where to follow it.
pub(super) fn accepted(job: Job) -> HttpResponse {
    let location = (header::LOCATION, format!("/api/v1/strategies/sessions/{}", job.id));
    HttpResponse::Accepted().insert_header(location).json(SessionView::from(job))
}

/// The exact data to run on: the version asked for, or the newest there is.
async fn pinned(
    gateway: &Gateway,
    owner: UserId,
    wanted: &DatasetRef,
) -> Result<DatasetVersion, ApiError> {
    let datasets = &gateway.parts.datasets;
    let Some(dataset) = datasets.dataset_named(owner, &wanted.name).await? else {
        let message = format!("you have no dataset called {:?}; import it first", wanted.name);
        return Err(ApiError::invalid_field("dataset_name", "unknown_dataset", message));
    };
    let versions = datasets.versions(dataset.id).await?;
    let version = match &wanted.version {
        None => versions.into_iter().next(),
        Some(id) => versions.into_iter().find(|version| version.id.to_string() == *id),
    };
    version.ok_or_else(|| {
        let message = format!("dataset {:?} has no such version", wanted.name);
        ApiError::invalid_field("dataset_version", "unknown_version", message)
    })
}

/// A soft limit alone moves the hard one along, and a hard one alone the soft one, so that there is
/// time to write a checkpoint.
fn limits(usual: TimeLimits, asked: alphafleet_specs::Limits) -> TimeLimits {
    let millis = |seconds: u32| Duration::from_secs(u64::from(seconds)).as_millis() as u64;
    let grace = usual.hard_ms - usual.soft_ms;
    match (asked.soft_s.map(millis), asked.hard_s.map(millis)) {
        (None, None) => usual,
        (Some(soft), None) => TimeLimits::new(soft, soft + grace),
        (None, Some(hard)) => {
            let room = grace.min(hard / 10);
            TimeLimits::new(usual.soft_ms.min(hard - room).max(1), hard)
        }
        (Some(soft), Some(hard)) => TimeLimits::new(soft.min(hard), hard),
    }
}

#[cfg(test)]
mod tests {
    use alphafleet_specs::Limits;

    use super::*;

    #[test]
    fn one_limit_alone_leaves_time_for_a_checkpoint() {
        let usual = TimeLimits::new(3_600_000, 3_660_000);
        for ((soft_s, hard_s), expected) in [
            ((None, None), (3_600_000, 3_660_000)),
            ((Some(10), None), (10_000, 70_000)),
            ((None, Some(10)), (9_000, 10_000)),
            ((None, Some(1)), (900, 1_000)),
            ((None, Some(3_600)), (3_540_000, 3_600_000)),
            ((None, Some(7_200)), (3_600_000, 7_200_000)),
            ((Some(5), Some(10)), (5_000, 10_000)),
            ((Some(20), Some(10)), (10_000, 10_000)),
        ] {
            let limits = limits(usual, Limits { soft_s, hard_s });
            assert_eq!((limits.soft_ms, limits.hard_ms), expected, "{soft_s:?} {hard_s:?}");
        }
    }
}
