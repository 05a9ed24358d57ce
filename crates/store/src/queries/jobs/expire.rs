use std::time::Duration;

use alphafleet_domain::job::{Failure, FailureCode, Outcome};
use alphafleet_domain::ports::Expired;
use alphafleet_domain::{Instant, Job};
use chrono::TimeDelta;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::{EndedBy, end_attempt};
use super::{Connection, now};
use crate::error::Answer;
use crate::rows::JobRow;
use crate::schema::{jobs, workers};
use crate::values::At;

/// Jobs ended by one call; the next call takes the rest.
const BATCH: i64 = 200;

/// Rows of workers silent for so long, and without a job, are removed.
const FORGET_AFTER: TimeDelta = TimeDelta::hours(24);

pub(crate) async fn expire(connection: &mut Connection, window: Duration) -> Answer<Vec<Expired>> {
    let now = now(connection).await?;
    let window = TimeDelta::from_std(window).unwrap_or(FORGET_AFTER);
    let silent = not(exists(
        workers::table
            .filter(workers::id.nullable().eq(jobs::worker))
            .filter(workers::last_seen.ge(At(now - window))),
    ));
    let lost = jobs::table
        .filter(jobs::state.eq("running"))
        .filter(silent)
        .order(jobs::id)
        .limit(BATCH)
        .select(JobRow::as_select());
    let rows: Vec<JobRow> = locking_free!(lost).load(connection).await?;
    let mut expired = Vec::new();
    for row in rows {
        let job = Job::try_from(row)?;
        let Some(worker) = job.worker() else { continue };
        let failure = Failure::retryable(
            FailureCode::WorkerLost,
            "the worker that ran this job fell silent; it may have crashed or lost its connection",
        );
        let outcome = Outcome::Failed(failure);
        let job = end_attempt(connection, &job, &outcome, EndedBy::Others, now).await?;
        expired.push(Expired { job, worker });
    }
    forget(connection, now).await?;
    Ok(expired)
}

async fn forget(connection: &mut Connection, now: Instant) -> Answer<()> {
    let busy = exists(
        jobs::table
            .filter(jobs::worker.eq(workers::id.nullable()))
            .filter(jobs::state.eq("running")),
    );
    let gone =
        workers::table.filter(workers::last_seen.lt(At(now - FORGET_AFTER))).filter(not(busy));
    diesel::delete(gone).execute(connection).await?;
    Ok(())
}
