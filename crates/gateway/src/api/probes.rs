use actix_web::HttpRequest;
use alphafleet_domain::JobKind;
use alphafleet_domain::job::{Priority, TimeLimits};
use alphafleet_domain::ports::NewJob;
use alphafleet_jobs::SubmitRequest;
use alphafleet_protocol::api::SubmitProbe;
use alphafleet_specs::ProbeSpec;

use super::State;
use super::train::accepted;
use crate::access::{Administer, Requires};
use crate::error::ApiError;
use crate::request::{Answer, Client, JsonValue, idempotency_key, read_object};

/// A week.
const LONGEST_MS: u64 = 604_800_000;

pub(crate) async fn submit(
    gateway: State,
    client: Client,
    admin: Requires<Administer>,
    request: HttpRequest,
    body: JsonValue,
) -> Answer {
    let idempotency = idempotency_key(&request, &body.bytes)?;
    let probe: SubmitProbe = read_object(&body.bytes)?;
    let spec = ProbeSpec::from_value(&probe.spec).map_err(|mut faults| {
        for fault in &mut faults.0 {
            fault.field = format!("spec.{}", fault.field);
        }
        faults
    })?;
    let document = serde_json::to_value(&spec).map_err(|error| ApiError::internal(&error))?;
    let mut job = NewJob::new(admin.id, JobKind::Probe, document);
    job.priority = Priority(probe.priority.unwrap_or_default());
    job.limits = limits(job.limits, &probe)?;
    let origin = client.origin(admin.id);
    let request = SubmitRequest { job, idempotency, origin, traceparent: client.traceparent };
    let submitted = gateway.parts.submit.submit(request).await?;
    Ok(accepted(submitted.into_job()))
}

fn limits(usual: TimeLimits, probe: &SubmitProbe) -> Result<TimeLimits, ApiError> {
    let hard = probe.hard_limit_ms.unwrap_or(usual.hard_ms);
    let soft = probe.soft_limit_ms.unwrap_or(usual.soft_ms.min(hard));
    if !(1..=LONGEST_MS).contains(&hard) {
        let message = format!("give 1 to {LONGEST_MS}");
        return Err(ApiError::invalid_field("hard_limit_ms", "out_of_range", message));
    }
    if !(1..=hard).contains(&soft) {
        let message = format!("give 1 to the hard limit, {hard}");
        return Err(ApiError::invalid_field("soft_limit_ms", "out_of_range", message));
    }
    Ok(TimeLimits::new(soft, hard))
}
