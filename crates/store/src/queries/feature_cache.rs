use std::collections::HashSet;
use std::time::Duration;

use alphafleet_domain::{
    CachedFeature, DatasetVersionId, EvictableFeature, FeatureClaim, FeatureKey, Instant, LeaseId,
};
use chrono::TimeDelta;
use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;

use super::{Connection, Gate, now, pass};
use crate::error::Answer;
use crate::rows::{CacheRow, saturating};
use crate::schema::{feature_cache, jobs};
use crate::values::{At, Uid};

/// Claims come one after another, so that of two that want the same column one waits.
pub(crate) async fn claim(
    connection: &mut Connection,
    lease: LeaseId,
    version: DatasetVersionId,
    keys: Vec<FeatureKey>,
    time: Duration,
) -> Answer<FeatureClaim> {
    pass(connection, Gate::FeatureCache).await?;
    let now = now(connection).await?;
    let rows = rows(connection, &keys).await?;
    if let Some(computed_by) = held_by_another(connection, &rows, lease, now).await? {
        return Ok(FeatureClaim::Wait { computed_by });
    }
    let (ready, stale): (Vec<CacheRow>, Vec<CacheRow>) =
        rows.into_iter().partition(|row| row.state == CacheRow::READY);
    let stale: Vec<String> = stale.into_iter().map(|row| row.cache_key).collect();
    diesel::delete(feature_cache::table.filter(feature_cache::cache_key.eq_any(stale)))
        .execute(connection)
        .await?;
    let known: HashSet<&str> = ready.iter().map(|row| row.cache_key.as_str()).collect();
    let until = At(now + TimeDelta::from_std(time).unwrap_or(TimeDelta::hours(1)));
    let mut seen = HashSet::new();
    let missing: Vec<CacheRow> = keys
        .iter()
        .filter(|key| !known.contains(key.0.as_str()))
        .filter(|key| seen.insert(key.0.as_str()))
        .map(|key| CacheRow::claimed(key, version, lease, At(now), until))
        .collect();
    insert_all!(connection, missing, |row| diesel::insert_into(feature_cache::table).values(row));
    used(connection, &ready, now).await?;
    let ready = ready.into_iter().map(CachedFeature::try_from).collect::<Result<_, _>>()?;
    Ok(FeatureClaim::Claimed { ready })
}

async fn rows(connection: &mut Connection, keys: &[FeatureKey]) -> Answer<Vec<CacheRow>> {
    let keys: Vec<&str> = keys.iter().map(|key| key.0.as_str()).collect();
    Ok(feature_cache::table
        .filter(feature_cache::cache_key.eq_any(keys))
        .select(CacheRow::as_select())
        .order(feature_cache::cache_key)
        .load(connection)
        .await?)
}

/// A running attempt, not the asker's, whose claim on one of the rows still counts.
async fn held_by_another(
    connection: &mut Connection,
    rows: &[CacheRow],
    lease: LeaseId,
    now: Instant,
) -> Answer<Option<LeaseId>> {
    let counts = |row: &&CacheRow| row.lease_expires_at.is_some_and(|until| until.0 > now);
    let others: Vec<Uid> = rows
        .iter()
        .filter(counts)
        .filter_map(|row| row.lease)
        .filter(|holder| holder.0 != lease.as_uuid())
        .collect();
    if others.is_empty() {
        return Ok(None);
    }
    let running: Option<Option<Uid>> = jobs::table
        .filter(jobs::lease.eq_any(others))
        .select(jobs::lease)
        .first(connection)
        .await
        .optional()?;
    Ok(running.flatten().map(|holder| LeaseId::from_uuid(holder.0)))
}

async fn used(connection: &mut Connection, rows: &[CacheRow], now: Instant) -> Answer<()> {
    let keys: Vec<&str> = rows.iter().map(|row| row.cache_key.as_str()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    diesel::update(feature_cache::table.filter(feature_cache::cache_key.eq_any(keys)))
        .set(feature_cache::last_used_at.eq(At(now)))
        .execute(connection)
        .await?;
    Ok(())
}

pub(crate) async fn cached(
    connection: &mut Connection,
    keys: Vec<FeatureKey>,
) -> Answer<Vec<CachedFeature>> {
    let now = now(connection).await?;
    let mut rows = rows(connection, &keys).await?;
    rows.retain(|row| row.state == CacheRow::READY);
    used(connection, &rows, now).await?;
    Ok(rows.into_iter().map(CachedFeature::try_from).collect::<Result<_, _>>()?)
}

/// Makes what completed attempts stored ready, whoever claimed it before.
pub(crate) async fn keep(
    connection: &mut Connection,
    features: &[CachedFeature],
    version: DatasetVersionId,
    now: Instant,
) -> Answer<()> {
    for feature in features {
        let row = CacheRow::ready(feature, Uid(version.as_uuid()), At(now));
        diesel::insert_into(feature_cache::table)
            .values(&row)
            .on_conflict(feature_cache::cache_key)
            .do_update()
            .set((
                feature_cache::state.eq(CacheRow::READY),
                feature_cache::object_key.eq(&row.object_key),
                feature_cache::bytes.eq(row.bytes),
                feature_cache::sha256.eq(&row.sha256),
                feature_cache::lease.eq(None::<Uid>),
                feature_cache::lease_expires_at.eq(None::<At>),
                feature_cache::last_used_at.eq(At(now)),
            ))
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(crate) async fn evictable(
    connection: &mut Connection,
    bytes: u64,
    limit: u32,
) -> Answer<Vec<EvictableFeature>> {
    let mut gone = given_up(connection, limit).await?;
    let total: i64 = feature_cache::table
        .select(sql::<BigInt>("CAST(COALESCE(SUM(bytes), 0) AS BIGINT)"))
        .get_result(connection)
        .await?;
    let mut excess = total.saturating_sub(saturating(bytes));
    if excess <= 0 {
        return Ok(gone);
    }
    let oldest: Vec<CacheRow> = feature_cache::table
        .filter(feature_cache::state.eq(CacheRow::READY))
        .select(CacheRow::as_select())
        .order((feature_cache::last_used_at, feature_cache::cache_key))
        .limit(i64::from(limit))
        .load(connection)
        .await?;
    for row in oldest {
        if excess <= 0 {
            break;
        }
        excess -= row.bytes;
        gone.push(row.into());
    }
    Ok(gone)
}

/// Claims that no running attempt holds.
async fn given_up(connection: &mut Connection, limit: u32) -> Answer<Vec<EvictableFeature>> {
    let held = exists(jobs::table.filter(jobs::lease.eq(feature_cache::lease)));
    let rows: Vec<CacheRow> = feature_cache::table
        .filter(feature_cache::state.eq(CacheRow::COMPUTING))
        .filter(not(held))
        .select(CacheRow::as_select())
        .limit(i64::from(limit))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(EvictableFeature::from).collect())
}

pub(crate) async fn forget(
    connection: &mut Connection,
    gone: Vec<EvictableFeature>,
) -> Answer<u64> {
    let mut removed = 0;
    for feature in gone {
        removed += diesel::delete(
            feature_cache::table
                .find(&feature.key.0)
                .filter(feature_cache::last_used_at.eq(At(feature.last_used_at))),
        )
        .execute(connection)
        .await?;
    }
    Ok(removed as u64)
}
