//! What PostgreSQL does for many rows in one statement: here statements cost no round trip.

use alphafleet_domain::Instant;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::rows::{AttemptEnd, Candidate, JobUpdate};
use crate::schema::{job_attempts, jobs};
use crate::values::{At, Moment};

/// The first `limit` due jobs of every owner with pending jobs in the queue.
const CANDIDATES: &str = "
    SELECT id, owner, priority, created_at FROM (
        SELECT id, owner, priority, created_at, row_number() OVER (
            PARTITION BY owner ORDER BY priority DESC, created_at, id
        ) AS place
        FROM jobs
        WHERE state = 'pending' AND queue = ? AND waiting_on = 0
            AND (not_before IS NULL OR not_before <= ?)
    ) WHERE place <= ?";

pub(crate) async fn candidates(
    connection: &mut Connection,
    queue: &str,
    now: Instant,
    limit: u32,
) -> QueryResult<Vec<Candidate>> {
    sql_query(CANDIDATES)
        .bind::<Text, _>(queue.to_owned())
        .bind::<Moment, _>(At(now))
        .bind::<BigInt, _>(i64::from(limit))
        .load(connection)
        .await
}

/// Answers how many rows were as their update says.
pub(crate) async fn update_jobs(
    connection: &mut Connection,
    updates: Vec<JobUpdate>,
) -> QueryResult<usize> {
    let mut changed = 0;
    for JobUpdate { id, was, held, change, publish_after } in updates {
        let publish = publish_after
            .map(|at| (jobs::publish_after.eq(at), jobs::publish_wait_ms.eq(FIRST_WAIT_MS)));
        let row = jobs::table.find(id).filter(jobs::state.eq(was));
        changed += match held {
            Some(lease) => {
                let row = row.filter(jobs::lease.eq(lease));
                diesel::update(row).set((change, publish)).execute(connection).await?
            }
            None => {
                let row = row.filter(jobs::lease.is_null());
                diesel::update(row).set((change, publish)).execute(connection).await?
            }
        };
    }
    Ok(changed)
}

const FIRST_WAIT_MS: i64 = 5_000;

pub(crate) async fn end_attempts(
    connection: &mut Connection,
    ends: Vec<AttemptEnd>,
    now: Instant,
) -> QueryResult<()> {
    for AttemptEnd { lease, ending, failure } in ends {
        diesel::update(job_attempts::table.find(lease))
            .set((
                job_attempts::ended_at.eq(At(now)),
                job_attempts::ending.eq(ending),
                job_attempts::failure.eq(failure),
            ))
            .execute(connection)
            .await?;
    }
    Ok(())
}
