use alphafleet_domain::Job;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::{Connection, NEXT_PUBLICATION, now};
use crate::error::Answer;
use crate::rows::JobRow;
use crate::schema::jobs;
use crate::values::{At, Moment, Uid};

/// The wait after this one, at most 10 minutes.
const DOUBLED: &str = "CASE WHEN publish_wait_ms > 300000 THEN 600000 ELSE publish_wait_ms * 2 END";

pub(crate) async fn take(connection: &mut Connection, limit: u32) -> Answer<Vec<Job>> {
    let now = now(connection).await?;
    let due = jobs::table
        .filter(jobs::state.eq("pending"))
        .filter(jobs::waiting_on.eq(0))
        .filter(jobs::publish_after.le(At(now)))
        .filter(jobs::not_before.is_null().or(jobs::not_before.le(At(now))))
        .order((jobs::publish_after, jobs::id))
        .limit(i64::from(limit))
        .select(JobRow::as_select());
    let rows: Vec<JobRow> = locking_free!(due).load(connection).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let taken = rows.into_iter().map(Job::try_from).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<Uid> = taken.iter().map(|job| Uid(job.id.as_uuid())).collect();
    diesel::update(jobs::table.filter(jobs::id.eq_any(ids)))
        .set((
            jobs::publish_after.eq(sql::<Moment>(NEXT_PUBLICATION)),
            jobs::publish_wait_ms.eq(sql::<BigInt>(DOUBLED)),
        ))
        .execute(connection)
        .await?;
    Ok(taken)
}
