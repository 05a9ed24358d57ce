use std::sync::Arc;

use alphafleet_domain::ports::{Follows, NewDatasetVersion, StoreError, SyncPlan, Synced};
use alphafleet_domain::{
    AuditRecord, Dataset, DatasetId, DatasetVersion, DatasetVersionId, Page, PageRequest, UserId,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, audit, features, jobs, now, window};
use crate::error::{Answer, taken};
use crate::rows::{DatasetRow, VersionRow, unsigned};
use crate::schema::{dataset_versions, datasets};
use crate::values::{At, Uid, text};

pub(crate) async fn add_version(
    connection: &mut Connection,
    new: NewDatasetVersion,
    record: AuditRecord,
) -> Answer<(Dataset, DatasetVersion)> {
    let dataset = ensure(connection, &new).await?;
    let mut version = VersionRow::from(new.version);
    if new.follows == Follows::ItsParent && version.parent != dataset.latest {
        let name = dataset.name;
        return Err(StoreError::Conflict { what: "dataset version", name }.into());
    }
    version.dataset = dataset.id;
    version.parent = dataset.latest;
    diesel::insert_into(dataset_versions::table)
        .values(&version)
        .execute(connection)
        .await
        .map_err(|error| taken(error, "dataset version", &version.id.0.to_string()))?;
    diesel::update(datasets::table.find(dataset.id))
        .set(datasets::latest.eq(version.id))
        .execute(connection)
        .await?;
    audit::append(connection, record).await?;
    Ok((dataset.into(), version.try_into()?))
}

/// Adds a version and submits what it starts.
pub(crate) async fn sync_version(
    connection: &mut Connection,
    new: NewDatasetVersion,
    record: AuditRecord,
    plan: Arc<dyn SyncPlan>,
) -> Answer<Synced> {
    let owner = new.owner;
    let (dataset, version) = add_version(connection, new, record).await?;
    let following = features::following(connection, owner, &dataset.name).await?;
    let submissions = plan.submissions(&dataset, &version, following);
    let now = now(connection).await?;
    let jobs = jobs::submit::insert(connection, owner, submissions, now).await?;
    Ok(Synced { dataset, version, jobs })
}

/// The dataset of that name, made if need be, locked against other imports.
async fn ensure(connection: &mut Connection, new: &NewDatasetVersion) -> Answer<DatasetRow> {
    let row = DatasetRow {
        id: Uid(new.dataset.as_uuid()),
        owner: Uid(new.owner.as_uuid()),
        name: text(&new.dataset_name),
        latest: None,
        created_at: At(new.version.created_at),
    };
    diesel::insert_into(datasets::table)
        .values(&row)
        .on_conflict((datasets::owner, datasets::name))
        .do_nothing()
        .execute(connection)
        .await
        .map_err(|error| taken(error, "dataset", &new.dataset.to_string()))?;
    let named = datasets::table
        .filter(datasets::owner.eq(row.owner))
        .filter(datasets::name.eq(row.name))
        .select(DatasetRow::as_select());
    Ok(locking_weakly!(named).get_result(connection).await?)
}

pub(crate) async fn dataset(
    connection: &mut Connection,
    owner: UserId,
    id: DatasetId,
) -> Answer<Option<Dataset>> {
    let row: Option<DatasetRow> = datasets::table
        .find(Uid(id.as_uuid()))
        .filter(datasets::owner.eq(Uid(owner.as_uuid())))
        .select(DatasetRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Dataset::from))
}

pub(crate) async fn named(
    connection: &mut Connection,
    owner: UserId,
    name: String,
) -> Answer<Option<Dataset>> {
    let row: Option<DatasetRow> = datasets::table
        .filter(datasets::owner.eq(Uid(owner.as_uuid())))
        .filter(datasets::name.eq(text(&name)))
        .select(DatasetRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Dataset::from))
}

pub(crate) async fn page(
    connection: &mut Connection,
    owner: UserId,
    page: PageRequest,
) -> Answer<Page<(Dataset, DatasetVersion)>> {
    let (limit, offset) = window(page);
    let owned = datasets::table
        .inner_join(
            dataset_versions::table.on(datasets::latest.eq(dataset_versions::id.nullable())),
        )
        .filter(datasets::owner.eq(Uid(owner.as_uuid())));
    let total: i64 = owned.count().get_result(connection).await?;
    let rows: Vec<(DatasetRow, VersionRow)> = owned
        .select((DatasetRow::as_select(), VersionRow::as_select()))
        .order((datasets::created_at.desc(), datasets::id.desc()))
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    let items = rows
        .into_iter()
        .map(|(dataset, version)| Ok((dataset.into(), version.try_into()?)))
        .collect::<Answer<_>>()?;
    Ok(Page { items, total: unsigned(total, "count")? })
}

pub(crate) async fn versions(
    connection: &mut Connection,
    dataset: DatasetId,
) -> Answer<Vec<DatasetVersion>> {
    let rows: Vec<VersionRow> = dataset_versions::table
        .filter(dataset_versions::dataset.eq(Uid(dataset.as_uuid())))
        .select(VersionRow::as_select())
        .order((dataset_versions::created_at.desc(), dataset_versions::id.desc()))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(DatasetVersion::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn version(
    connection: &mut Connection,
    id: DatasetVersionId,
) -> Answer<Option<DatasetVersion>> {
    let row: Option<VersionRow> = dataset_versions::table
        .find(Uid(id.as_uuid()))
        .select(VersionRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(DatasetVersion::try_from).transpose()?)
}
