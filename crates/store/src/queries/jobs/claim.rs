use alphafleet_domain::Job;
use alphafleet_domain::ports::{Claim, StoreError};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::write::{illegal, transition};
use super::{Connection, now};
use crate::error::{Answer, Fault};
use crate::rows::{AttemptRow, JobRow};
use crate::schema::{job_attempts, jobs, workers};
use crate::transition::claimed;
use crate::values::{At, Uid};

/// How many jobs of its owner run already.
const OWNERS_RUNNING: &str =
    "(SELECT count(*) FROM jobs AS peer WHERE peer.owner = jobs.owner AND peer.state = 'running')";

pub(crate) async fn claim(connection: &mut Connection, claim: Claim) -> Answer<Option<Job>> {
    let now = now(connection).await?;
    require_registered(connection, &claim).await?;
    let queues: Vec<&str> = claim.queues.iter().map(|queue| queue.as_str()).collect();
    let best = jobs::table
        .filter(jobs::state.eq("pending"))
        .filter(jobs::queue.eq_any(queues))
        .filter(jobs::not_before.is_null().or(jobs::not_before.le(At(now))))
        .order((jobs::priority.desc(), sql::<BigInt>(OWNERS_RUNNING), jobs::created_at, jobs::id))
        .limit(1)
        .select(JobRow::as_select());
    let found = locking_free!(best).get_result::<JobRow>(connection).await.optional()?;
    let Some(row) = found else {
        return Ok(None);
    };
    let pending = Job::try_from(row)?;
    let running = claimed(&pending, &claim, now).map_err(illegal)?;
    transition(connection, &pending, &running, now).await?;
    if let Some(lease) = running.lease() {
        let attempt = AttemptRow {
            lease: Uid(lease.as_uuid()),
            job: Uid(running.id.as_uuid()),
            attempt: i64::from(running.attempt),
            worker: Uid(claim.worker.as_uuid()),
            started_at: At(now),
        };
        diesel::insert_into(job_attempts::table).values(&attempt).execute(connection).await?;
    }
    Ok(Some(running))
}

/// A job claimed by a worker without a row would expire at once.
async fn require_registered(connection: &mut Connection, claim: &Claim) -> Answer<()> {
    let known: i64 = workers::table
        .filter(workers::id.eq(Uid(claim.worker.as_uuid())))
        .count()
        .get_result(connection)
        .await?;
    if known == 0 {
        let why = format!("worker {} is not registered", claim.worker);
        return Err(Fault(StoreError::Database(why.into())));
    }
    Ok(())
}
