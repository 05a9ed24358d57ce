use std::time::Duration;

use alphafleet_domain::ports::OutboxEntry;
use alphafleet_domain::{EventBody, JobId, OutboxId};
use chrono::TimeDelta;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, Gate, now, pass};
use crate::error::Answer;
use crate::rows::{NewOutboxRow, OutboxRow};
use crate::schema::outbox;
use crate::values::{At, Uid};

diesel::alias!(outbox as siblings: Siblings);

pub(crate) async fn append(connection: &mut Connection, events: Vec<EventBody>) -> Answer<()> {
    let rows: Vec<NewOutboxRow> = events.into_iter().map(NewOutboxRow::from).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(outbox::table).values(row));
    Ok(())
}

/// One taker at a time: with skipped locks, a second taker would get a job's later entries before
/// the first has published the earlier ones.
pub(crate) async fn take(
    connection: &mut Connection,
    job: Option<JobId>,
    limit: u32,
    lease: Duration,
) -> Answer<Vec<OutboxEntry>> {
    pass(connection, Gate::Outbox).await?;
    let now = now(connection).await?;
    let leased = siblings
        .filter(siblings.field(outbox::job).eq(outbox::job))
        .filter(siblings.field(outbox::leased_until).gt(At(now)));
    let mut free = outbox::table.filter(not(exists(leased))).into_boxed();
    if let Some(job) = job {
        free = free.filter(outbox::job.eq(Uid(job.as_uuid())));
    }
    let rows: Vec<OutboxRow> = free
        .order(outbox::id)
        .limit(i64::from(limit))
        .select(OutboxRow::as_select())
        .load(connection)
        .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::hours(1));
    diesel::update(outbox::table.filter(outbox::id.eq_any(ids)))
        .set(outbox::leased_until.eq(At(until)))
        .execute(connection)
        .await?;
    Ok(rows.into_iter().map(OutboxEntry::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn done(connection: &mut Connection, ids: Vec<OutboxId>) -> Answer<()> {
    let ids: Vec<i64> = ids.into_iter().map(|id| id.0).collect();
    diesel::delete(outbox::table.filter(outbox::id.eq_any(ids))).execute(connection).await?;
    Ok(())
}
