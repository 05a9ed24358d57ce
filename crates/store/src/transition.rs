//! What a change of state does to a job, apart from any database.

use alphafleet_domain::job::{IllegalTransition, JobState, Outcome, Progress};
use alphafleet_domain::ports::Claim;
use alphafleet_domain::{EventBody, EventKind, Instant, Job, LeaseId};
use serde_json::{Map, json};

pub(crate) fn claimed(job: &Job, claim: &Claim, now: Instant) -> Result<Job, IllegalTransition> {
    let state = job.state.clone().claim(claim.worker, LeaseId::new(), now)?;
    Ok(Job {
        state,
        attempt: job.attempt + 1,
        started_at: job.started_at.or(Some(now)),
        ..job.clone()
    })
}

pub(crate) fn cancelled(job: &Job, now: Instant) -> Result<Job, IllegalTransition> {
    let state = job.state.clone().request_cancel()?;
    let ended = state.name().is_terminal();
    Ok(Job { state, finished_at: ended.then_some(now), ..job.clone() })
}

/// `jitter` in 0..1 spreads the retries.
pub(crate) fn settled(
    job: &Job,
    outcome: &Outcome,
    now: Instant,
    jitter: f64,
) -> Result<Job, IllegalTransition> {
    let (state, failures) =
        job.state.clone().settle(outcome, job.failures, &job.retry, now, jitter)?;
    let mut next = Job { failures, ..job.clone() };
    next.finished_at = state.name().is_terminal().then_some(now);
    next.last_failure = match (&state, outcome) {
        (JobState::Completed | JobState::Cancelled, _) => None,
        (_, Outcome::Failed(failure)) => Some(failure.clone()),
        _ => next.last_failure,
    };
    if let (JobState::Completed, Outcome::Completed(completion)) = (&state, outcome) {
        next.result = Some(completion.result.clone());
        next.progress.percent = 100.0;
        next.progress.eta_ms = None;
    }
    next.state = state;
    Ok(next)
}

/// How the children of a job stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Children {
    pub unended: u32,
    pub completed: u32,
    /// Failed or cancelled.
    pub spoilt: u32,
}

/// What a job does itself comes after its children's work.
const CHILDREN_PERCENT: f64 = 95.0;

/// A job some of whose children have ended.
pub(crate) fn counted(job: &Job, children: Children) -> Job {
    let mut next = Job { waiting_on: children.unended, ..job.clone() };
    if let JobState::Pending { .. } = job.state {
        next.progress = waiting(job.children, children);
    }
    next
}

fn waiting(total: u32, Children { completed, spoilt, .. }: Children) -> Progress {
    let mut message = format!("{completed} of {total} shares done");
    if spoilt > 0 {
        message += &format!(", {spoilt} failed or cancelled");
    }
    Progress {
        percent: CHILDREN_PERCENT * f64::from(completed) / f64::from(total.max(1)),
        stage: "running".to_owned(),
        message,
        ..Progress::default()
    }
}

/// The news of a job's progress while it waits, as the protocol's progress event reads.
pub(crate) fn progress_event(job: &Job, at: Instant) -> EventBody {
    EventBody {
        job: job.id,
        outbox: None,
        attempt: job.attempt,
        kind: EventKind::Progress,
        at,
        payload: json!(job.progress),
    }
}

/// The news of a job's present state, as the protocol's state event reads.
pub(crate) fn state_event(job: &Job, at: Instant) -> EventBody {
    let mut payload = Map::new();
    payload.insert("state".to_owned(), json!(job.state.name()));
    payload.insert("attempt".to_owned(), json!(job.attempt));
    if let JobState::Pending { not_before: Some(at) } = job.state {
        payload.insert("not_before".to_owned(), json!(at));
    }
    if let JobState::Pending { .. } | JobState::Failed(_) = job.state
        && let Some(failure) = &job.last_failure
    {
        payload.insert("failure".to_owned(), json!(failure));
    }
    EventBody {
        job: job.id,
        outbox: None,
        attempt: job.attempt,
        kind: EventKind::State,
        at,
        payload: payload.into(),
    }
}
