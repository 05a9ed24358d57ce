use std::time::Duration;

use alphafleet_domain::Job;
use alphafleet_domain::job::{Failure, FailureCode, Outcome};
use alphafleet_domain::ports::Expired;
use chrono::TimeDelta;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::{EndedBy, apply, ending};
use super::{Connection, end_attempts, now};
use crate::error::Answer;
use crate::rows::JobRow;
use crate::schema::{jobs, workers};
use crate::values::At;

/// Jobs ended by one call; the next call takes the rest.
const BATCH: i64 = 200;

pub(crate) async fn expire(connection: &mut Connection, window: Duration) -> Answer<Vec<Expired>> {
    let now = now(connection).await?;
    let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::days(1));
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
