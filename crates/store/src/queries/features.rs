use alphafleet_domain::{
    AuditRecord, Feature, FeatureDraft, FeatureId, FeatureVersion, Page, PageRequest, UserId,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, audit, now, window};
use crate::error::{Answer, taken};
use crate::rows::{FeatureChange, FeatureRow, FormulaRow, unsigned};
use crate::schema::{feature_versions, features};
use crate::values::{At, Uid, text};

/// The owner's features that are not hidden.
macro_rules! owned {
    ($owner:expr) => {
        features::table
            .inner_join(
                feature_versions::table.on(feature_versions::feature
                    .eq(features::id)
                    .and(feature_versions::version.eq(features::version))),
            )
            .filter(features::owner.eq(Uid($owner.as_uuid())))
            .filter(features::deleted_at.is_null())
    };
}

type Joined = (FeatureRow, FormulaRow);

pub(crate) async fn create(
    connection: &mut Connection,
    feature: Feature,
    record: AuditRecord,
) -> Answer<Feature> {
    let row = FeatureRow::from(&feature);
    let formula = FormulaRow::new(row.id, row.version, &feature.draft, row.created_at);
    diesel::insert_into(features::table)
        .values(&row)
        .execute(connection)
        .await
        .map_err(|error| taken(error, "feature", &row.name))?;
    diesel::insert_into(feature_versions::table).values(&formula).execute(connection).await?;
    audit::append(connection, record).await?;
    Ok(row.with(formula)?)
}

pub(crate) async fn feature(
    connection: &mut Connection,
    owner: UserId,
    id: FeatureId,
) -> Answer<Option<Feature>> {
    let row: Option<Joined> = owned!(owner)
        .filter(features::id.eq(Uid(id.as_uuid())))
        .select((FeatureRow::as_select(), FormulaRow::as_select()))
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(|(row, formula)| row.with(formula)).transpose()?)
}

pub(crate) async fn page(
    connection: &mut Connection,
    owner: UserId,
    page: PageRequest,
) -> Answer<Page<Feature>> {
    let (limit, offset) = window(page);
    let total: i64 = owned!(owner).count().get_result(connection).await?;
    let rows: Vec<Joined> = owned!(owner)
        .select((FeatureRow::as_select(), FormulaRow::as_select()))
        .order((features::created_at.desc(), features::id.desc()))
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    Ok(Page { items: all(rows)?, total: unsigned(total, "count")? })
}

pub(crate) async fn named(
    connection: &mut Connection,
    owner: UserId,
    names: Vec<String>,
) -> Answer<Vec<Feature>> {
    let names: Vec<String> = names.iter().map(|name| text(name)).collect();
    let rows: Vec<Joined> = owned!(owner)
        .filter(features::name.eq_any(names))
        .select((FeatureRow::as_select(), FormulaRow::as_select()))
        .order(features::name)
        .load(connection)
        .await?;
    all(rows)
}

/// Those that follow a dataset, oldest first.
pub(crate) async fn following(
    connection: &mut Connection,
    owner: UserId,
    dataset: &str,
) -> Answer<Vec<Feature>> {
    let rows: Vec<Joined> = owned!(owner)
        .filter(features::auto_compute.eq(true))
        .filter(features::dataset.eq(dataset))
        .select((FeatureRow::as_select(), FormulaRow::as_select()))
        .order((features::created_at, features::id))
        .load(connection)
        .await?;
    all(rows)
}

fn all(rows: Vec<Joined>) -> Answer<Vec<Feature>> {
    let with = |(row, formula): Joined| row.with(formula);
    Ok(rows.into_iter().map(with).collect::<Result<_, _>>()?)
}

pub(crate) async fn update(
    connection: &mut Connection,
    owner: UserId,
    id: FeatureId,
    draft: FeatureDraft,
    record: AuditRecord,
) -> Answer<Option<Feature>> {
    let now = At(now(connection).await?);
    let found = features::table
        .find(Uid(id.as_uuid()))
        .filter(features::owner.eq(Uid(owner.as_uuid())))
        .filter(features::deleted_at.is_null())
        .select(features::version);
    // Two changes come one after another, each with a version of its own.
    let Some(version) = locking!(found).get_result::<i64>(connection).await.optional()? else {
        return Ok(None);
    };
    let current: String = feature_versions::table
        .find((Uid(id.as_uuid()), version))
        .select(feature_versions::formula)
        .get_result(connection)
        .await?;
    let formula = FormulaRow::new(Uid(id.as_uuid()), version + 1, &draft, now);
    let changed = formula.formula != current;
    if changed {
        diesel::insert_into(feature_versions::table).values(&formula).execute(connection).await?;
    }
    let name = text(&draft.name);
    diesel::update(features::table.find(Uid(id.as_uuid())))
        .set(FeatureChange::new(&draft, version + i64::from(changed), now))
        .execute(connection)
        .await
        .map_err(|error| taken(error, "feature", &name))?;
    audit::append(connection, record).await?;
    feature(connection, owner, id).await
}

pub(crate) async fn delete(
    connection: &mut Connection,
    owner: UserId,
    id: FeatureId,
    record: AuditRecord,
) -> Answer<bool> {
    let now = now(connection).await?;
    let hidden = diesel::update(
        features::table
            .find(Uid(id.as_uuid()))
            .filter(features::owner.eq(Uid(owner.as_uuid())))
            .filter(features::deleted_at.is_null()),
    )
    .set(features::deleted_at.eq(At(now)))
    .execute(connection)
    .await?;
    if hidden == 0 {
        return Ok(false);
    }
    audit::append(connection, record).await?;
    Ok(true)
}

pub(crate) async fn versions(
    connection: &mut Connection,
    owner: UserId,
    id: FeatureId,
) -> Answer<Option<Vec<FeatureVersion>>> {
    if feature(connection, owner, id).await?.is_none() {
        return Ok(None);
    }
    let rows: Vec<FormulaRow> = feature_versions::table
        .filter(feature_versions::feature.eq(Uid(id.as_uuid())))
        .select(FormulaRow::as_select())
        .order(feature_versions::version.desc())
        .load(connection)
        .await?;
    Ok(Some(rows.into_iter().map(FeatureVersion::try_from).collect::<Result<_, _>>()?))
}
