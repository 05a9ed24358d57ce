use alphafleet_domain::Job;
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, now};
use crate::error::Answer;
use crate::rows::JobRow;
use crate::schema::jobs;
use crate::values::{At, Uid};

const LONGEST_WAIT_MS: i64 = 600_000;

pub(crate) async fn take(connection: &mut Connection, limit: u32) -> Answer<Vec<Job>> {
    let now = now(connection).await?;
    let due = jobs::table
        .filter(jobs::state.eq("pending"))
        .filter(jobs::publish_after.le(At(now)))
        .filter(jobs::not_before.is_null().or(jobs::not_before.le(At(now))))
        .order((jobs::publish_after, jobs::id))
        .limit(i64::from(limit))
        .select((JobRow::as_select(), jobs::publish_wait_ms));
    let rows: Vec<(JobRow, i64)> = locking_free!(due).load(connection).await?;
    let mut taken = Vec::with_capacity(rows.len());
    for (row, wait_ms) in rows {
        let job = Job::try_from(row)?;
        diesel::update(jobs::table.find(Uid(job.id.as_uuid())))
            .set((
                jobs::publish_after.eq(At(now + TimeDelta::milliseconds(wait_ms))),
                jobs::publish_wait_ms.eq((wait_ms * 2).min(LONGEST_WAIT_MS)),
            ))
            .execute(connection)
            .await?;
        taken.push(job);
    }
    Ok(taken)
}
