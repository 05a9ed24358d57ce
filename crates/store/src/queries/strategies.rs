use std::collections::HashMap;

use alphafleet_domain::job::{JobKind, StateName};
use alphafleet_domain::ports::{StoreError, StrategyFilter};
use alphafleet_domain::{
    AuditRecord, Instant, Page, PageRequest, Strategy, StrategyDraft, StrategyId, StrategySummary,
    UserId,
};
use diesel::dsl::{count_star, exists, max, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::jobs::ACTIVE;
use super::{Connection, audit, best_figures, now, window};
use crate::error::{Answer, taken};
use crate::rows::{StrategyRow, unsigned};
use crate::schema::{jobs, strategies};
use crate::values::{At, Json, Uid, text};

pub(crate) async fn create(
    connection: &mut Connection,
    strategy: Strategy,
    record: AuditRecord,
) -> Answer<Strategy> {
    let row = StrategyRow::from(strategy);
    diesel::insert_into(strategies::table)
        .values(&row)
        .execute(connection)
        .await
        .map_err(|error| taken(error, "strategy", &row.name))?;
    audit::append(connection, record).await?;
    Ok(row.into())
}

pub(crate) async fn strategy(
    connection: &mut Connection,
    owner: UserId,
    id: StrategyId,
) -> Answer<Option<StrategySummary>> {
    let row: Option<StrategyRow> = strategies::table
        .find(Uid(id.as_uuid()))
        .filter(strategies::owner.eq(Uid(owner.as_uuid())))
        .filter(strategies::deleted_at.is_null())
        .select(StrategyRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(summarise(connection, row.into_iter().collect()).await?.pop())
}

pub(crate) async fn page(
    connection: &mut Connection,
    filter: StrategyFilter,
    page: PageRequest,
) -> Answer<Page<StrategySummary>> {
    let (limit, offset) = window(page);
    let wanted = || {
        let mut wanted = strategies::table
            .filter(strategies::owner.eq(Uid(filter.owner.as_uuid())))
            .filter(strategies::deleted_at.is_null())
            .into_boxed();
        if let Some(of_type) = &filter.strategy_type {
            wanted = wanted.filter(strategies::strategy_type.eq(text(of_type)));
        }
        let session = jobs::table
            .filter(jobs::strategy.eq(strategies::id.nullable()))
            .filter(jobs::parent.is_null())
            .filter(jobs::state.eq_any(ACTIVE));
        match filter.active {
            Some(true) => wanted.filter(exists(session)),
            Some(false) => wanted.filter(not(exists(session))),
            None => wanted,
        }
    };
    let total: i64 = wanted().count().get_result(connection).await?;
    let rows: Vec<StrategyRow> = wanted()
        .select(StrategyRow::as_select())
        .order((strategies::created_at.desc(), strategies::id.desc()))
        .limit(limit)
        .offset(offset)
        .load(connection)
        .await?;
    let items = summarise(connection, rows).await?;
    Ok(Page { items, total: unsigned(total, "count")? })
}

/// Sessions of one strategy in one state and of one kind: how many, and the newest's beginning.
type Counted = (Option<Uid>, String, String, i64, Option<At>);

#[derive(Default)]
struct Sessions {
    active: u64,
    total: u64,
    trainings: u64,
    last_training_at: Option<Instant>,
}

/// Adds up the sessions of the strategies, keeping their order.
async fn summarise(
    connection: &mut Connection,
    rows: Vec<StrategyRow>,
) -> Answer<Vec<StrategySummary>> {
    let ids: Vec<Uid> = rows.iter().map(|row| row.id).collect();
    let counted: Vec<Counted> = jobs::table
        .filter(jobs::strategy.eq_any(ids.clone()))
        .filter(jobs::parent.is_null())
        .group_by((jobs::strategy, jobs::state, jobs::kind))
        .select((jobs::strategy, jobs::state, jobs::kind, count_star(), max(jobs::created_at)))
        .load(connection)
        .await?;
    let mut best = best_figures::of(connection, ids).await?;
    let mut sessions: HashMap<Option<Uuid>, Sessions> = HashMap::new();
    for (strategy, state, kind, count, newest) in counted {
        let count: u64 = unsigned(count, "count")?;
        let of = sessions.entry(strategy.map(|id| id.0)).or_default();
        of.total += count;
        if ACTIVE.contains(&state.as_str()) {
            of.active += count;
        }
        if kind == JobKind::Training.as_str() {
            of.trainings += count;
            of.last_training_at = of.last_training_at.max(newest.map(|at| at.0));
        }
    }
    let summary = |row: StrategyRow| {
        let of = sessions.remove(&Some(row.id.0)).unwrap_or_default();
        let best = best.remove(&row.id.0).unwrap_or_default();
        StrategySummary {
            strategy: row.into(),
            active_sessions: of.active,
            total_sessions: of.total,
            training_count: of.trainings,
            last_training_at: of.last_training_at,
            best_return: best.total_return,
            best_sharpe: best.sharpe,
        }
    };
    Ok(rows.into_iter().map(summary).collect())
}

pub(crate) async fn update(
    connection: &mut Connection,
    owner: UserId,
    id: StrategyId,
    draft: StrategyDraft,
    record: AuditRecord,
) -> Answer<Option<Strategy>> {
    let now = now(connection).await?;
    let name = text(&draft.name);
    let row: Option<StrategyRow> = diesel::update(
        strategies::table
            .find(Uid(id.as_uuid()))
            .filter(strategies::owner.eq(Uid(owner.as_uuid())))
            .filter(strategies::deleted_at.is_null()),
    )
    .set((
        strategies::name.eq(&name),
        strategies::description.eq(text(&draft.description)),
        strategies::strategy_type.eq(text(&draft.strategy_type)),
        strategies::config.eq(Json::new(draft.config)),
        strategies::updated_at.eq(At(now)),
    ))
    .returning(StrategyRow::as_returning())
    .get_result(connection)
    .await
    .optional()
    .map_err(|error| taken(error, "strategy", &name))?;
    if row.is_some() {
        audit::append(connection, record).await?;
    }
    Ok(row.map(Strategy::from))
}

pub(crate) async fn delete(
    connection: &mut Connection,
    owner: UserId,
    id: StrategyId,
    record: AuditRecord,
) -> Answer<bool> {
    let now = now(connection).await?;
    let found = strategies::table
        .find(Uid(id.as_uuid()))
        .filter(strategies::owner.eq(Uid(owner.as_uuid())))
        .filter(strategies::deleted_at.is_null())
        .select(strategies::id);
    // The full lock also holds back sessions that are being submitted for it.
    let Some(id) = locking!(found).get_result::<Uid>(connection).await.optional()? else {
        return Ok(false);
    };
    let active: i64 = jobs::table
        .filter(jobs::strategy.eq(id))
        .filter(jobs::state.eq_any(ACTIVE))
        .count()
        .get_result(connection)
        .await?;
    if active > 0 {
        let why = format!(
            "{active} of its sessions are {} or {}",
            StateName::Pending,
            StateName::Running
        );
        return Err(StoreError::InUse { what: "strategy", why }.into());
    }
    diesel::update(strategies::table.find(id))
        .set(strategies::deleted_at.eq(At(now)))
        .execute(connection)
        .await?;
    audit::append(connection, record).await?;
    Ok(true)
}
