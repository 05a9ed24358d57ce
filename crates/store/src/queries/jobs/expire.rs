use std::time::Duration;

use alphafleet_domain::job::{Failure, FailureCode, Outcome};
use alphafleet_domain::ports::Expired;
use alphafleet_domain::{Job, JobId};
use chrono::TimeDelta;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::{EndedBy, apply, ending};
use super::{Connection, end_attempts, family, now};
use crate::error::Answer;
use crate::rows::JobRow;
use crate::schema::{jobs, workers};
use crate::values::{At, Uid};

/// Jobs ended by one call; the next call takes the rest.
const BATCH: i64 = 200;

/// Running jobs whose workers have not beaten since, in order.
macro_rules! silent {
    ($since:expr) => {
        jobs::table
            .filter(jobs::state.eq("running"))
            .filter(not(exists(
                workers::table
                    .filter(workers::id.nullable().eq(jobs::worker))
                    .filter(workers::last_seen.ge($since)),
            )))
            .order(jobs::id)
    };
}

pub(crate) async fn expire(connection: &mut Connection, window: Duration) -> Answer<Vec<Expired>> {
    let now = now(connection).await?;
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::days(1));
    let since = At(now - window);
    let lost = lost(connection, since).await?;
    if lost.is_empty() {
        return Ok(Vec::new());
    }
    family::lock_parents(connection, lost.iter().filter_map(|(_, parent)| *parent)).await?;
    let ids: Vec<Uid> = lost.into_iter().map(|(id, _)| id).collect();
    let still = silent!(since).filter(jobs::id.eq_any(ids)).select(JobRow::as_select());
    let rows: Vec<JobRow> = locking_free!(still).load(connection).await?;
    let (mut expired, mut changes, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let job = Job::try_from(row)?;
        let Some(worker) = job.worker() else { continue };
        let failure = Failure::retryable(
            FailureCode::WorkerLost,
            "the worker that ran this job fell silent; it may have crashed or lost its connection",
        );
        let (change, end) = ending(job, &Outcome::Failed(failure), EndedBy::Others, now)?;
        expired.push(Expired { job: change.after.clone(), worker });
        changes.push(change);
        ends.extend(end);
    }
    apply(connection, &changes, now).await?;
    end_attempts(connection, ends, now).await?;
    Ok(expired)
}

/// The jobs that seem lost, with their parents, none of them locked yet.
async fn lost(connection: &mut Connection, since: At) -> Answer<Vec<(Uid, Option<JobId>)>> {
    let found: Vec<(Uid, Option<Uid>)> =
        silent!(since).limit(BATCH).select((jobs::id, jobs::parent)).load(connection).await?;
    let parent = |parent: Option<Uid>| parent.map(|id| JobId::from_uuid(id.0));
    Ok(found.into_iter().map(|(id, of)| (id, parent(of))).collect())
}
