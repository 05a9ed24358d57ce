use std::collections::HashMap;

use alphafleet_domain::WorkerId;
use alphafleet_domain::ports::{WorkerRecord, WorkerRow};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{Connection, now};
use crate::error::Answer;
use crate::rows::{WorkerRowData, unsigned};
use crate::schema::{jobs, workers};
use crate::values::{At, Uid};

pub(crate) async fn register(connection: &mut Connection, worker: WorkerRecord) -> Answer<()> {
    let row = WorkerRowData::new(&worker, At(now(connection).await?));
    diesel::insert_into(workers::table)
        .values(&row)
        .on_conflict(workers::id)
        .do_update()
        .set(&row)
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn deregister(connection: &mut Connection, worker: WorkerId) -> Answer<()> {
    diesel::delete(workers::table.find(Uid(worker.as_uuid()))).execute(connection).await?;
    Ok(())
}

pub(crate) async fn all(connection: &mut Connection) -> Answer<Vec<WorkerRow>> {
    let counted: Vec<(Option<Uid>, i64)> = jobs::table
        .filter(jobs::state.eq("running"))
        .group_by(jobs::worker)
        .select((jobs::worker, count_star()))
        .load(connection)
        .await?;
    let running: HashMap<Option<Uuid>, i64> =
        counted.into_iter().map(|(worker, count)| (worker.map(|id| id.0), count)).collect();
    let rows: Vec<WorkerRowData> = workers::table
        .select(WorkerRowData::as_select())
        .order((workers::started_at, workers::id))
        .load(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            let count = running.get(&Some(row.id.0)).copied().unwrap_or_default();
            Ok(row.with_running(unsigned(count, "count")?)?)
        })
        .collect()
}
