use alphafleet_domain::ports::CancelAnswer;
use alphafleet_domain::{AuditRecord, JobId, JobState};

use super::write::{Change, apply, illegal, locked};
use super::{Connection, audit, now};
use crate::error::Answer;
use crate::transition::cancelled;

pub(crate) async fn request(
    connection: &mut Connection,
    id: JobId,
    record: AuditRecord,
) -> Answer<CancelAnswer> {
    let Some(job) = locked(connection, id).await? else {
        return Ok(CancelAnswer::NotFound);
    };
    if job.state.name().is_terminal() {
        return Ok(CancelAnswer::AlreadyEnded(job));
    }
    let now = now(connection).await?;
    let after = cancelled(&job, now).map_err(illegal)?;
    let change = Change { before: job, after: after.clone() };
    apply(connection, &[change], now).await?;
    audit::append(connection, record).await?;
    Ok(match after.state {
        JobState::Cancelled => CancelAnswer::Cancelled(after),
        _ => CancelAnswer::Requested(after),
    })
}
