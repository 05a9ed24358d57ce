use alphafleet_domain::{Instant, Job, Model, ModelId, NewModel, Page, PageRequest, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, window};
use crate::error::Answer;
use crate::rows::{ModelRow, unsigned};
use crate::schema::models;
use crate::values::{At, Json, Uid, text};

/// The model of a session that completes now.
pub(crate) async fn insert(
    connection: &mut Connection,
    session: &Job,
    model: &NewModel,
    now: Instant,
) -> Answer<()> {
    let row = ModelRow {
        id: Uid(ModelId::new().as_uuid()),
        owner: Uid(session.owner.as_uuid()),
        session: Uid(session.id.as_uuid()),
        strategy: session.strategy.map(|id| Uid(id.as_uuid())),
        dataset_version: session.dataset_version.map(|id| Uid(id.as_uuid())),
        model_type: text(&model.model_type),
        sha256: text(&model.sha256),
        metrics: Json::new(model.metrics.clone()),
        created_at: At(now),
    };
    diesel::insert_into(models::table).values(&row).execute(connection).await?;
    Ok(())
}

pub(crate) async fn model(
    connection: &mut Connection,
    owner: UserId,
    id: ModelId,
) -> Answer<Option<Model>> {
    let row: Option<ModelRow> = models::table
        .find(Uid(id.as_uuid()))
        .filter(models::owner.eq(Uid(owner.as_uuid())))
        .select(ModelRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Model::from))
}

pub(crate) async fn page(
    connection: &mut Connection,
    owner: UserId,
    page: PageRequest,
) -> Answer<Page<Model>> {
    let (limit, offset) = window(page);
    let owned = models::table.filter(models::owner.eq(Uid(owner.as_uuid())));
    let total: i64 = owned.count().get_result(connection).await?;
    let rows: Vec<ModelRow> = owned
        .select(ModelRow::as_select())
        .order((models::created_at.desc(), models::id.desc()))
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    let items = rows.into_iter().map(Model::from).collect();
    Ok(Page { items, total: unsigned(total, "count")? })
}
