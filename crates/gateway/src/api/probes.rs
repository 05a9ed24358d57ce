use actix_web::{HttpRequest, HttpResponse};
use alphafleet_domain::job::{Priority, TimeLimits};
use alphafleet_domain::ports::{IdempotencyKey, NewJob};
use alphafleet_domain::{JobKind, UserId};
use alphafleet_jobs::SubmitRequest;
use alphafleet_protocol::api::{SessionBatch, SubmitProbe, SubmitProbes};
use alphafleet_specs::ProbeSpec;

use super::State;
use super::work::accepted;
use crate::access::{Administer, Requires};
use crate::error::ApiError;
use crate::request::{Answer, BatchBody, Client, JsonValue, idempotency_key, read_object};

/// A week.
const LONGEST_MS: u64 = 604_800_000;

const MOST_PROBES: usize = 1_000;

pub(crate) async fn submit(
    gateway: State,
    client: Client,
    admin: Requires<Administer>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    if let Some(job) = gateway.parts.submit.earlier(admin.id, idempotency.as_ref()).await? {
        return Ok(accepted(job));
    }
    let probe: SubmitProbe = read_object(&body.bytes)?;
    let job = job(admin.id, &probe, "")?;
    let mut request = SubmitRequest::new(job, client.origin(admin.id));
    request.idempotency = idempotency;
    request.traceparent = client.traceparent;
    Ok(accepted(gateway.parts.submit.submit(request).await?.into_job()))
}

/// Starts all of them or none. Under an idempotency key each probe has its own, by its place.
pub(crate) async fn submit_all(
    gateway: State,
    client: Client,
    admin: Requires<Administer>,
    request: HttpRequest,
    body: BatchBody,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.0)?;
    let SubmitProbes { probes } = read_object(&body.0)?;
    if !(1..=MOST_PROBES).contains(&probes.len()) {
        let message = format!("{} probes; give 1 to {MOST_PROBES}", probes.len());
        return Err(ApiError::invalid_field("probes", "out_of_range", message));
    }
    let origin = client.origin(admin.id);
    let requests = probes.iter().enumerate().map(|(at, probe)| {
        let job = job(admin.id, probe, &format!("probes[{at}]."))?;
        let mut request = SubmitRequest::new(job, origin.clone());
        request.idempotency = idempotency.as_ref().map(|key| numbered(key, at));
        Ok(request)
    });
    let requests = requests.collect::<Result<Vec<_>, ApiError>>()?;
    let submitted = gateway.parts.submit.submit_all(requests).await?;
    let sessions = submitted.into_iter().map(|one| one.into_job().into()).collect();
    Ok(HttpResponse::Accepted().json(SessionBatch { sessions }))
}

fn numbered(key: &IdempotencyKey, at: usize) -> IdempotencyKey {
    // No key that a client sends has a space in it.
    IdempotencyKey { key: format!("{} {at}", key.key), body_sha256: key.body_sha256.clone() }
}

/// `within` is the path of the probe in the body.
fn job(owner: UserId, probe: &SubmitProbe, within: &str) -> Result<NewJob, ApiError> {
    let spec = ProbeSpec::from_value(&probe.spec).map_err(|mut faults| {
        for fault in &mut faults.0 {
            fault.field = format!("{within}spec.{}", fault.field);
        }
        faults
    })?;
    let document = serde_json::to_value(&spec).map_err(|error| ApiError::internal(&error))?;
    let mut job = NewJob::new(owner, JobKind::Probe, document);
    job.priority = Priority(probe.priority.unwrap_or_default());
    job.limits = limits(job.limits, probe, within)?;
    Ok(job)
}

fn limits(usual: TimeLimits, probe: &SubmitProbe, within: &str) -> Result<TimeLimits, ApiError> {
    let hard = probe.hard_limit_ms.unwrap_or(usual.hard_ms);
    let soft = probe.soft_limit_ms.unwrap_or(usual.soft_ms.min(hard));
    if !(1..=LONGEST_MS).contains(&hard) {
        let message = format!("give 1 to {LONGEST_MS}");
        return Err(ApiError::invalid_field(
            &format!("{within}hard_limit_ms"),
            "out_of_range",
            message,
        ));
    }
    if !(1..=hard).contains(&soft) {
        let message = format!("give 1 to the hard limit, {hard}");
        return Err(ApiError::invalid_field(
            &format!("{within}soft_limit_ms"),
            "out_of_range",
            message,
        ));
    }
    Ok(TimeLimits::new(soft, hard))
}
