//! Changes of many rows in one statement each.

use alphafleet_domain::Instant;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use diesel::{QueryResult, sql_query};
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::rows::{AttemptEnd, Candidate, JobUpdate};
use crate::values::{At, Document, Id, Json, Moment, Uid};

/// The first `limit` due jobs of every owner with pending jobs in the queue. The owners are found
/// by skipping through the index from one to the next, so the cost does not grow with the queue.
const CANDIDATES: &str = "
    WITH RECURSIVE owners (owner) AS (
        (SELECT owner FROM jobs WHERE state = 'pending' AND queue = $1 ORDER BY owner LIMIT 1)
        UNION ALL
        SELECT (
            SELECT next.owner FROM jobs AS next
            WHERE next.state = 'pending' AND next.queue = $1 AND next.owner > owners.owner
            ORDER BY next.owner LIMIT 1
        ) FROM owners WHERE owners.owner IS NOT NULL
    )
    SELECT job.id, job.owner, job.priority, job.created_at
    FROM owners CROSS JOIN LATERAL (
        SELECT id, jobs.owner, priority, created_at FROM jobs
        WHERE state = 'pending' AND queue = $1 AND jobs.owner = owners.owner
            AND waiting_on = 0
            AND (not_before IS NULL OR not_before <= $2)
        ORDER BY priority DESC, created_at, id LIMIT $3
    ) AS job";

pub(crate) async fn candidates(
    connection: &mut Connection,
    queue: &str,
    now: Instant,
    limit: u32,
) -> QueryResult<Vec<Candidate>> {
    sql_query(CANDIDATES)
        .bind::<Text, _>(queue)
        .bind::<Moment, _>(At(now))
        .bind::<BigInt, _>(i64::from(limit))
        .load(connection)
        .await
}

const UPDATE_JOBS: &str = "
    UPDATE jobs SET
        state = new.state, not_before = new.not_before, worker = new.worker, lease = new.lease,
        running_since = new.running_since, cancel_requested = new.cancel_requested,
        attempt = new.attempt, failures = new.failures, progress = new.progress,
        checkpoint = new.checkpoint, result = new.result, failure = new.failure,
        started_at = new.started_at, finished_at = new.finished_at, missed_beats = 0,
        waiting_on = new.waiting_on,
        publish_after = COALESCE(new.publish_after, jobs.publish_after),
        publish_wait_ms = CASE WHEN new.publish_after IS NULL THEN jobs.publish_wait_ms ELSE 5000 END
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        AS new (id, was, held, state, not_before, worker, lease, running_since, cancel_requested,
            attempt, failures, progress, checkpoint, result, failure, started_at, finished_at,
            waiting_on, publish_after)
    WHERE jobs.id = new.id AND jobs.state = new.was AND jobs.lease IS NOT DISTINCT FROM new.held";

/// Answers how many rows were as their update says.
pub(crate) async fn update_jobs(
    connection: &mut Connection,
    updates: Vec<JobUpdate>,
) -> QueryResult<usize> {
    let column = |of: fn(&JobUpdate) -> Option<At>| updates.iter().map(of).collect::<Vec<_>>();
    let document = |of: fn(&JobUpdate) -> Option<Json>| updates.iter().map(of).collect::<Vec<_>>();
    let id = |of: fn(&JobUpdate) -> Option<Uid>| updates.iter().map(of).collect::<Vec<_>>();
    let number = |of: fn(&JobUpdate) -> i64| updates.iter().map(of).collect::<Vec<_>>();
    let text = |of: fn(&JobUpdate) -> String| updates.iter().map(of).collect::<Vec<_>>();
    sql_query(UPDATE_JOBS)
        .bind::<Array<Id>, _>(updates.iter().map(|one| one.id).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(text(|one| one.was.clone()))
        .bind::<Array<Nullable<Id>>, _>(id(|one| one.held))
        .bind::<Array<Text>, _>(text(|one| one.change.state.clone()))
        .bind::<Array<Nullable<Moment>>, _>(column(|one| one.change.not_before))
        .bind::<Array<Nullable<Id>>, _>(id(|one| one.change.worker))
        .bind::<Array<Nullable<Id>>, _>(id(|one| one.change.lease))
        .bind::<Array<Nullable<Moment>>, _>(column(|one| one.change.running_since))
        .bind::<Array<Bool>, _>(
            updates.iter().map(|one| one.change.cancel_requested).collect::<Vec<_>>(),
        )
        .bind::<Array<BigInt>, _>(number(|one| one.change.attempt))
        .bind::<Array<BigInt>, _>(number(|one| one.change.failures))
        .bind::<Array<Nullable<Document>>, _>(document(|one| Some(one.change.progress.clone())))
        .bind::<Array<Nullable<Document>>, _>(document(|one| one.change.checkpoint.clone()))
        .bind::<Array<Nullable<Document>>, _>(document(|one| one.change.result.clone()))
        .bind::<Array<Nullable<Document>>, _>(document(|one| one.change.failure.clone()))
        .bind::<Array<Nullable<Moment>>, _>(column(|one| one.change.started_at))
        .bind::<Array<Nullable<Moment>>, _>(column(|one| one.change.finished_at))
        .bind::<Array<BigInt>, _>(number(|one| one.change.waiting_on))
        .bind::<Array<Nullable<Moment>>, _>(column(|one| one.publish_after))
        .execute(connection)
        .await
}

const END_ATTEMPTS: &str = "
    UPDATE job_attempts SET ended_at = $1, ending = new.ending, failure = new.failure
    FROM unnest($2, $3, $4) AS new (lease, ending, failure)
    WHERE job_attempts.lease = new.lease";

pub(crate) async fn end_attempts(
    connection: &mut Connection,
    ends: Vec<AttemptEnd>,
    now: Instant,
) -> QueryResult<()> {
    if ends.is_empty() {
        return Ok(());
    }
    sql_query(END_ATTEMPTS)
        .bind::<Moment, _>(At(now))
        .bind::<Array<Id>, _>(ends.iter().map(|end| end.lease).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(ends.iter().map(|end| end.ending.clone()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Document>>, _>(
            ends.iter().map(|end| end.failure.clone()).collect::<Vec<_>>(),
        )
        .execute(connection)
        .await
        .map(|_| ())
}
