use alphafleet_domain::{Experiment, ExperimentId, Instant, Page, PageRequest, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, window};
use crate::error::Answer;
use crate::rows::{ExperimentRow, unsigned};
use crate::schema::experiments;
use crate::values::{At, Uid};

pub(crate) async fn ensure(
    connection: &mut Connection,
    owner: UserId,
    name: String,
    at: Instant,
) -> Answer<Experiment> {
    let row = ExperimentRow::new(owner, &name, At(at));
    diesel::insert_into(experiments::table)
        .values(&row)
        .on_conflict((experiments::owner, experiments::name))
        .do_nothing()
        .execute(connection)
        .await?;
    let row: ExperimentRow = experiments::table
        .filter(experiments::owner.eq(row.owner))
        .filter(experiments::name.eq(row.name))
        .select(ExperimentRow::as_select())
        .get_result(connection)
        .await?;
    Ok(row.try_into()?)
}

pub(crate) async fn experiment(
    connection: &mut Connection,
    owner: UserId,
    id: ExperimentId,
) -> Answer<Option<Experiment>> {
    let row: Option<ExperimentRow> = experiments::table
        .find(Uid(id.as_uuid()))
        .filter(experiments::owner.eq(Uid(owner.as_uuid())))
        .select(ExperimentRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Experiment::try_from).transpose()?)
}

pub(crate) async fn page(
    connection: &mut Connection,
    owner: UserId,
    page: PageRequest,
) -> Answer<Page<Experiment>> {
    let (limit, offset) = window(page);
    let owned = experiments::table.filter(experiments::owner.eq(Uid(owner.as_uuid())));
    let total: i64 = owned.count().get_result(connection).await?;
    let rows: Vec<ExperimentRow> = owned
        .select(ExperimentRow::as_select())
        .order((experiments::created_at.desc(), experiments::id.desc()))
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    let items = rows.into_iter().map(Experiment::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total: unsigned(total, "count")? })
}
