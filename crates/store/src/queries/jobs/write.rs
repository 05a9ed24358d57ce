use alphafleet_domain::job::{IllegalTransition, Outcome};
use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{Instant, Job, JobId, JobState, LeaseId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Connection, callbacks, family, outbox, update_jobs};
use crate::error::{Answer, Fault, unavailable};
use crate::rows::{AttemptEnd, JobRow, JobUpdate, document};
use crate::schema::jobs;
use crate::transition::{settled, state_event};
use crate::values::{At, Uid};

/// The wait after a ticket was published; it doubles from one time to the next.
pub(super) const FIRST_WAIT_MS: i64 = 5_000;

/// The job, locked until the transaction ends.
pub(super) async fn locked(connection: &mut Connection, id: JobId) -> Answer<Option<Job>> {
    let query = jobs::table.find(Uid(id.as_uuid())).select(JobRow::as_select());
    let row = locking!(query).get_result::<JobRow>(connection).await.optional()?;
    Ok(row.map(Job::try_from).transpose()?)
}

/// The jobs that are running under these leases, locked until the transaction ends.
pub(super) async fn locked_by_leases(
    connection: &mut Connection,
    leases: &[LeaseId],
) -> Answer<Vec<Job>> {
    let leases: Vec<Uid> = leases.iter().map(|lease| Uid(lease.as_uuid())).collect();
    let query =
        jobs::table.filter(jobs::lease.eq_any(leases)).order(jobs::id).select(JobRow::as_select());
    let rows: Vec<JobRow> = locking!(query).load(connection).await?;
    Ok(rows.into_iter().map(Job::try_from).collect::<Result<_, _>>()?)
}

/// A job before and after a change.
pub(super) struct Change {
    pub before: Job,
    pub after: Job,
}

/// Writes changes, and what the end of children does to their families. Who may end children has
/// locked their parents, see [`family::lock_parents`].
pub(super) async fn apply(
    connection: &mut Connection,
    changes: &[Change],
    now: Instant,
) -> Answer<()> {
    write(connection, changes, now).await?;
    family::follow(connection, changes, now).await
}

/// Writes changes of jobs whose rows still are as `before` says, and their news if the state is
/// another one.
pub(super) async fn write(
    connection: &mut Connection,
    changes: &[Change],
    now: Instant,
) -> Answer<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let updates: Vec<JobUpdate> = changes
        .iter()
        .map(|Change { before, after }| JobUpdate::new(before, after, publication(after, now)))
        .collect();
    let changed = update_jobs(connection, updates).await?;
    if changed != changes.len() {
        return Err(unavailable("a job changed meanwhile").into());
    }
    let moved =
        changes.iter().filter(|change| change.before.state.name() != change.after.state.name());
    let moved: Vec<&Job> = moved.map(|change| &change.after).collect();
    outbox::append(connection, moved.iter().map(|job| state_event(job, now)).collect()).await?;
    let ended = moved.iter().filter(|job| job.state.name().is_terminal());
    let ended: Vec<JobId> = ended.map(|job| job.id).collect();
    callbacks::announce(connection, &ended, now).await
}

/// When the ticket of a job that became pending again is to be published: once it is due.
fn publication(job: &Job, now: Instant) -> Option<At> {
    match job.state {
        JobState::Pending { not_before } => Some(At(not_before.unwrap_or(now))),
        _ => None,
    }
}

/// Who ended an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Worker,
    /// The worker fell silent or does not know of the lease; a late outcome is refused.
    Others,
}

/// What ends an attempt of a locked, running job: the change, and the attempt's own row.
pub(super) fn ending(
    before: Job,
    outcome: &Outcome,
    by: EndedBy,
    now: Instant,
) -> Answer<(Change, Option<AttemptEnd>)> {
    let after = settled(&before, outcome, now, jitter()).map_err(illegal)?;
    let (name, failure) = match (by, outcome) {
        (EndedBy::Others, Outcome::Failed(failure)) => ("lost", Some(failure)),
        (EndedBy::Others, _) => ("lost", None),
        (_, Outcome::Completed(_)) => ("completed", None),
        (_, Outcome::Failed(failure)) => ("failed", Some(failure)),
        (_, Outcome::Cancelled) => ("cancelled", None),
        (_, Outcome::Released) => ("released", None),
    };
    let end = before.lease().map(|lease| AttemptEnd {
        lease: Uid(lease.as_uuid()),
        ending: name.to_owned(),
        failure: failure.map(document),
    });
    Ok((Change { before, after }, end))
}

pub(super) fn illegal(error: IllegalTransition) -> Fault {
    Fault(StoreError::Database(Box::new(error)))
}

/// Uniform in 0..1.
fn jitter() -> f64 {
    let bits = (Uuid::new_v4().as_u128() >> 64) as u32;
    f64::from(bits) / f64::from(u32::MAX)
}
