//! Every query, written once. This folder is compiled for each database: `Connection`, `NOW`,
//! `NEXT_PUBLICATION`, `lock_gate`, `candidates`, `update_jobs`, `end_attempts` and the `locking…!`
//! and `insert_all!` macros are the parent module's.

pub(crate) mod audit;
pub(crate) mod best_figures;
pub(crate) mod callbacks;
pub(crate) mod datasets;
pub(crate) mod experiments;
pub(crate) mod feature_cache;
pub(crate) mod features;
pub(crate) mod jobs;
pub(crate) mod models;
pub(crate) mod outbox;
pub(crate) mod passes;
pub(crate) mod retention;
pub(crate) mod strategies;
pub(crate) mod users;
pub(crate) mod workers;

use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{Instant, PageRequest};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, NEXT_PUBLICATION, NOW, candidates, end_attempts, lock_gate, update_jobs};
use crate::error::Answer;
use crate::rows::saturating;
use crate::schema::__diesel_schema_migrations;
use crate::values::{At, Moment};

/// What `lock_gate` guards.
#[derive(Clone, Copy)]
enum Gate {
    FirstAdministrator,
    Outbox,
    Claim,
    FeatureCache,
}

/// Any numbers will do that nothing else in the database locks.
const FIRST_GATE: i64 = 4_702_111_234_474_983_746;

async fn pass(connection: &mut Connection, gate: Gate) -> Answer<()> {
    Ok(lock_gate(connection, FIRST_GATE + gate as i64).await?)
}

/// The database's clock.
async fn now(connection: &mut Connection) -> Answer<Instant> {
    let now: At = diesel::select(sql::<Moment>(NOW)).get_result(connection).await?;
    Ok(now.0)
}

fn window(page: PageRequest) -> (i64, i64) {
    (i64::from(page.limit), saturating(page.offset))
}

/// Whether the database answers and has the migration `newest`.
pub(crate) async fn ping(connection: &mut Connection, newest: &str) -> Answer<()> {
    let applied: i64 = __diesel_schema_migrations::table
        .filter(__diesel_schema_migrations::version.eq(newest))
        .count()
        .get_result(connection)
        .await?;
    if applied == 0 {
        let why = format!("the database lacks the migration {newest}");
        return Err(StoreError::Database(why.into()).into());
    }
    Ok(())
}
