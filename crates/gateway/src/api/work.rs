//! Work that is to start: what every operation that submits a job on data does alike.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header;
use alphafleet_callbacks::CallbackUrl;
use alphafleet_domain::job::{Priority, TimeLimits};
use alphafleet_domain::ports::{IdempotencyKey, NewJob};
use alphafleet_domain::{DatasetVersion, DatasetVersionId, Job, JobKind, StrategyId, UserId};
use alphafleet_jobs::SubmitRequest;
use alphafleet_protocol::api::SessionView;
use alphafleet_specs::{DatasetRef, Limits, Universe};
use serde_json::Value;

use crate::contents::VersionContents;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::Client;

/// A job that is to be submitted.
pub(super) struct Work {
    pub kind: JobKind,
    /// The complete specification.
    pub spec: Value,
    pub limits: Limits,
    /// Parts of it that workers run before it, each with its kind and complete specification.
    pub children: Vec<(JobKind, Value)>,
    pub version: DatasetVersionId,
    pub strategy: Option<StrategyId>,
    /// Name of the experiment it joins.
    pub experiment: Option<String>,
    pub priority: Priority,
    pub callback_url: Option<CallbackUrl>,
    pub idempotency: Option<IdempotencyKey>,
}

impl Work {
    /// Work on this version of a dataset, of no strategy.
    pub fn new(kind: JobKind, spec: Value, limits: Limits, version: &DatasetVersion) -> Self {
        Self {
            kind,
            spec,
            limits,
            children: Vec::new(),
            version: version.id,
            strategy: None,
            experiment: None,
            priority: Priority::default(),
            callback_url: None,
            idempotency: None,
        }
    }

    /// Submits it.
    pub async fn start(
        self,
        gateway: &Gateway,
        client: Client,
        owner: UserId,
    ) -> Result<Job, ApiError> {
        let new = |kind, spec| {
            let job = NewJob::new(owner, kind, spec);
            NewJob { limits: limits(job.limits, self.limits), ..job }
        };
        let mut job = new(self.kind, self.spec);
        let children = self.children.into_iter().map(|(kind, spec)| new(kind, spec));
        job.strategy = self.strategy;
        job.priority = self.priority;
        job.dataset_version = Some(self.version);
        let mut request = SubmitRequest::new(job, client.origin(owner));
        request.children = children.collect();
        request.idempotency = self.idempotency;
        request.experiment = self.experiment;
        request.callback_url = self.callback_url.map(|url| url.as_str().to_owned());
        request.traceparent = client.traceparent;
        Ok(gateway.parts.submit.submit(request).await?.into_job())
    }
}

/// 202 with the session and where to follow it.
pub(super) fn accepted(job: Job) -> HttpResponse {
    let location = (header::LOCATION, format!("/api/v1/strategies/sessions/{}", job.id));
    HttpResponse::Accepted().insert_header(location).json(SessionView::from(job))
}

/// The exact data to run on: the version asked for, or the newest there is. The fields are what
/// the client calls them.
pub(super) async fn pinned(
    gateway: &Gateway,
    owner: UserId,
    wanted: &DatasetRef,
    [name_field, version_field]: [&str; 2],
) -> Result<DatasetVersion, ApiError> {
    let datasets = &gateway.parts.datasets;
    let Some(dataset) = datasets.dataset_named(owner, &wanted.name).await? else {
        let message = format!("you have no dataset called {:?}; import it first", wanted.name);
        return Err(ApiError::invalid_field(name_field, "unknown_dataset", message));
    };
    let versions = datasets.versions(dataset.id).await?;
    let version = match &wanted.version {
        None => versions.into_iter().next(),
        Some(id) => versions.into_iter().find(|version| version.id.to_string() == *id),
    };
    version.ok_or_else(|| {
        let message = format!("dataset {:?} has no such version", wanted.name);
        ApiError::invalid_field(version_field, "unknown_version", message)
    })
}

/// Refuses a universe whose members a field tells that the data lack. `at` is what the client
/// calls it.
pub(super) async fn check_members(
    gateway: &Gateway,
    universe: &Universe,
    at: &str,
    version: &DatasetVersion,
) -> Result<(), ApiError> {
    if universe.members.is_none() {
        return Ok(());
    }
    Ok(universe.check_members(at, &contents(gateway, version).await?.columns)?)
}

/// What a version of a dataset has.
pub(super) async fn contents(
    gateway: &Gateway,
    version: &DatasetVersion,
) -> Result<Arc<VersionContents>, ApiError> {
    let contents = gateway.parts.contents.contents(version).await;
    contents.map_err(|error| ApiError::internal(&error))
}

/// A soft limit alone moves the hard one along, and a hard one alone the soft one, so that there is
/// time to write a checkpoint.
fn limits(usual: TimeLimits, asked: Limits) -> TimeLimits {
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
