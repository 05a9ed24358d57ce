use alphafleet_domain::ports::CancelAnswer;
use alphafleet_domain::{AuditRecord, Instant, Job, JobId, JobState};

use super::write::{Change, apply, illegal, locked};
use super::{Connection, audit, family, now, read};
use crate::error::Answer;
use crate::transition::cancelled;

pub(crate) async fn request(
    connection: &mut Connection,
    id: JobId,
    record: AuditRecord,
) -> Answer<CancelAnswer> {
    let found = read::job(connection, id).await?;
    family::lock_parents(connection, found.and_then(|job| job.parent)).await?;
    let Some(job) = locked(connection, id).await? else {
        return Ok(CancelAnswer::NotFound);
    };
    if job.state.name().is_terminal() {
        return Ok(CancelAnswer::AlreadyEnded(job));
    }
    let now = now(connection).await?;
    let mut after = cancelled(&job, now).map_err(illegal)?;
    after.waiting_on = cancel_children(connection, &job, now).await?;
    let change = Change { before: job, after: after.clone() };
    apply(connection, &[change], now).await?;
    audit::append(connection, record).await?;
    Ok(match after.state {
        JobState::Cancelled => CancelAnswer::Cancelled(after),
        _ => CancelAnswer::Requested(after),
    })
}

/// Cancels the children of a locked job and answers how many of them still run.
async fn cancel_children(connection: &mut Connection, job: &Job, now: Instant) -> Answer<u32> {
    if job.waiting_on == 0 {
        return Ok(0);
    }
    family::cancel_children(connection, [job.id], now).await?;
    let standing = family::standing(connection, [job.id]).await?;
    Ok(standing.get(&job.id).map_or(0, |children| children.unended))
}
