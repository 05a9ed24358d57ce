use std::time::Duration;

use alphafleet_domain::ports::{Callback, CallbackId, CallbackTry, StoreError};
use alphafleet_domain::{Instant, Job, JobId};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, now};
use crate::error::Answer;
use crate::rows::{CallbackRow, JobRow};
use crate::schema::{callbacks, jobs};
use crate::values::{At, Uid, text};

/// Jobs that have just ended are announced where their owners asked for it.
pub(crate) async fn announce(
    connection: &mut Connection,
    ended: &[JobId],
    now: Instant,
) -> Answer<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let ids = ended.iter().map(|id| Uid(id.as_uuid()));
    let wanted: Vec<(Uid, Option<String>)> = jobs::table
        .filter(jobs::id.eq_any(ids))
        .filter(jobs::callback_url.is_not_null())
        .select((jobs::id, jobs::callback_url))
        .load(connection)
        .await?;
    let rows: Vec<_> = wanted
        .into_iter()
        .filter_map(|(job, url)| {
            let url = callbacks::url.eq(url?);
            Some((
                callbacks::job.eq(job),
                url,
                callbacks::state.eq(WAITING),
                callbacks::due.eq(At(now)),
            ))
        })
        .collect();
    insert_all!(connection, rows, |row| diesel::insert_into(callbacks::table)
        .values(row)
        .on_conflict_do_nothing());
    Ok(())
}

const WAITING: &str = "waiting";

pub(crate) async fn take(
    connection: &mut Connection,
    limit: u32,
    lease: Duration,
) -> Answer<Vec<Callback>> {
    let now = now(connection).await?;
    let due = callbacks::table
        .filter(callbacks::state.eq(WAITING))
        .filter(callbacks::due.le(At(now)))
        .order((callbacks::due, callbacks::id))
        .limit(i64::from(limit))
        .select((CallbackRow::as_select(), callbacks::job));
    let rows: Vec<(CallbackRow, Uid)> = locking_free!(due).load(connection).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::hours(1));
    let ids: Vec<i64> = rows.iter().map(|(row, _)| row.id).collect();
    diesel::update(callbacks::table.filter(callbacks::id.eq_any(ids)))
        .set(callbacks::due.eq(At(until)))
        .execute(connection)
        .await?;
    let jobs: Vec<JobRow> = jobs::table
        .filter(jobs::id.eq_any(rows.iter().map(|(_, job)| *job).collect::<Vec<_>>()))
        .select(JobRow::as_select())
        .load(connection)
        .await?;
    let jobs = jobs.into_iter().map(Job::try_from).collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(row, id)| {
            let job = jobs.iter().find(|job| job.id.as_uuid() == id.0);
            let job = job.ok_or(StoreError::CorruptRow { column: "callbacks.job" })?;
            Ok(row.of(job.clone())?)
        })
        .collect()
}

pub(crate) async fn note(
    connection: &mut Connection,
    id: CallbackId,
    tried: CallbackTry,
) -> Answer<()> {
    let now = now(connection).await?;
    let (state, due, error) = match tried {
        CallbackTry::Delivered => ("delivered", now, None),
        CallbackTry::GivenUp { error } => ("failed", now, Some(error)),
        CallbackTry::Again { error, wait } => {
            let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1));
            (WAITING, now + wait, Some(error))
        }
    };
    let settled_at = (state != WAITING).then_some(At(now));
    diesel::update(callbacks::table.find(id.0).filter(callbacks::state.eq(WAITING)))
        .set((
            callbacks::state.eq(state),
            callbacks::due.eq(At(due)),
            callbacks::tries.eq(callbacks::tries + 1),
            callbacks::last_error.eq(error.as_deref().map(text)),
            callbacks::settled_at.eq(settled_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn of_job(connection: &mut Connection, job: JobId) -> Answer<Option<Callback>> {
    let found: Option<(CallbackRow, JobRow)> = callbacks::table
        .inner_join(jobs::table.on(jobs::id.eq(callbacks::job)))
        .filter(callbacks::job.eq(Uid(job.as_uuid())))
        .select((CallbackRow::as_select(), JobRow::as_select()))
        .get_result(connection)
        .await
        .optional()?;
    Ok(match found {
        Some((row, job)) => Some(row.of(job.try_into()?)?),
        None => None,
    })
}
