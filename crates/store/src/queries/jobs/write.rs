use alphafleet_domain::job::{IllegalTransition, Outcome};
use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{Instant, Job, JobId, JobState, LeaseId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Connection, outbox};
use crate::error::{Answer, Fault, unavailable};
use crate::rows::{JobChange, JobRow, document};
use crate::schema::{job_attempts, jobs};
use crate::transition::{settled, state_event};
use crate::values::{At, Uid};

/// The wait after a ticket's first publication.
pub(super) const FIRST_WAIT_MS: i64 = 5_000;

/// The job, locked until the transaction ends.
pub(super) async fn locked(connection: &mut Connection, id: JobId) -> Answer<Option<Job>> {
    let query = jobs::table.find(Uid(id.as_uuid())).select(JobRow::as_select());
    let row = locking!(query).get_result::<JobRow>(connection).await.optional()?;
    Ok(row.map(Job::try_from).transpose()?)
}

/// The job that is running under this lease, locked until the transaction ends.
pub(super) async fn locked_by_lease(
    connection: &mut Connection,
    lease: LeaseId,
) -> Answer<Option<Job>> {
    let query =
        jobs::table.filter(jobs::lease.eq(Uid(lease.as_uuid()))).select(JobRow::as_select());
    let row = locking!(query).get_result::<JobRow>(connection).await.optional()?;
    Ok(row.map(Job::try_from).transpose()?)
}

/// Writes the change from `before` to `after` if the row still is as `before` says, and its news
/// if the state is another one.
pub(super) async fn transition(
    connection: &mut Connection,
    before: &Job,
    after: &Job,
    now: Instant,
) -> Answer<()> {
    let publish = match after.state {
        JobState::Pending { not_before } => Some((
            jobs::publish_after.eq(At(not_before.unwrap_or(now))),
            jobs::publish_wait_ms.eq(FIRST_WAIT_MS),
        )),
        _ => None,
    };
    let same = jobs::table
        .find(Uid(before.id.as_uuid()))
        .filter(jobs::state.eq(before.state.name().as_str()));
    let change = (JobChange::from(after), publish);
    let changed = match before.lease() {
        Some(lease) => {
            let same = same.filter(jobs::lease.eq(Uid(lease.as_uuid())));
            diesel::update(same).set(change).execute(connection).await?
        }
        None => {
            let same = same.filter(jobs::lease.is_null());
            diesel::update(same).set(change).execute(connection).await?
        }
    };
    if changed != 1 {
        return Err(unavailable(format!("job {} changed meanwhile", before.id)).into());
    }
    if before.state.name() != after.state.name() {
        outbox::append(connection, state_event(after, now)).await?;
    }
    Ok(())
}

/// Who ended an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Worker,
    /// The worker fell silent or does not know of the lease; a late outcome is refused.
    Others,
}

/// Ends the running attempt of a locked job.
pub(super) async fn end_attempt(
    connection: &mut Connection,
    job: &Job,
    outcome: &Outcome,
    by: EndedBy,
    now: Instant,
) -> Answer<Job> {
    let after = settled(job, outcome, now, jitter()).map_err(illegal)?;
    transition(connection, job, &after, now).await?;
    let (ending, failure) = match (by, outcome) {
        (EndedBy::Others, Outcome::Failed(failure)) => ("lost", Some(failure)),
        (EndedBy::Others, _) => ("lost", None),
        (_, Outcome::Completed(_)) => ("completed", None),
        (_, Outcome::Failed(failure)) => ("failed", Some(failure)),
        (_, Outcome::Cancelled) => ("cancelled", None),
        (_, Outcome::Released) => ("released", None),
    };
    let lease = job.lease().map(|lease| Uid(lease.as_uuid()));
    diesel::update(job_attempts::table.filter(job_attempts::lease.nullable().eq(lease)))
        .set((
            job_attempts::ended_at.eq(At(now)),
            job_attempts::ending.eq(ending),
            job_attempts::failure.eq(failure.map(document)),
        ))
        .execute(connection)
        .await?;
    Ok(after)
}

pub(super) fn illegal(error: IllegalTransition) -> Fault {
    Fault(StoreError::Database(Box::new(error)))
}

/// Uniform in 0..1.
fn jitter() -> f64 {
    let bits = (Uuid::new_v4().as_u128() >> 64) as u32;
    f64::from(bits) / f64::from(u32::MAX)
}
