use std::time::Duration;

use alphafleet_domain::ports::{Pruned, RetentionPolicy, SweepableAttempt};
use alphafleet_domain::{Instant, JobId, LeaseId};
use chrono::TimeDelta;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Connection, now};
use crate::error::Answer;
use crate::schema::{
    callbacks, idempotency_keys, job_attempts, job_logs, job_metrics, job_resources, jobs, passes,
    workers,
};
use crate::values::{At, Uid};

/// Removes the rows of `$table` that belong to the oldest of the jobs in `$ended`.
macro_rules! prune_series {
    ($connection:expr, $table:ident, $before:expr, $batch:expr) => {{
        let of_a_job = exists($table::table.filter($table::job.eq(jobs::id)));
        let ended: Vec<Uid> = jobs::table
            .filter(jobs::finished_at.lt($before))
            .filter(of_a_job)
            .order(jobs::finished_at)
            .limit(JOBS)
            .select(jobs::id)
            .load($connection)
            .await?;
        let mut removed = 0;
        for job in ended {
            removed += diesel::delete($table::table.filter($table::job.eq(job)))
                .execute($connection)
                .await?;
            if removed >= $batch {
                break;
            }
        }
        removed as u64
    }};
}

/// Jobs whose rows of one table go in one transaction at most.
const JOBS: i64 = 100;

pub(crate) async fn prune(connection: &mut Connection, policy: RetentionPolicy) -> Answer<Pruned> {
    let now = now(connection).await?;
    let batch = policy.batch as usize;
    let (series, logs) = (before(now, policy.series), before(now, policy.logs));
    Ok(Pruned {
        metrics: prune_series!(connection, job_metrics, series, batch),
        resources: prune_series!(connection, job_resources, series, batch),
        logs: prune_series!(connection, job_logs, logs, batch),
        idempotency_keys: prune_keys(
            connection,
            before(now, policy.idempotency_keys),
            policy.batch,
        )
        .await?,
        callbacks: prune_callbacks(connection, before(now, policy.callbacks), policy.batch).await?,
        workers: prune_workers(connection, before(now, policy.workers)).await?,
        passes: diesel::delete(passes::table.filter(passes::expires_at.le(At(now))))
            .execute(connection)
            .await? as u64,
    })
}

fn before(now: Instant, kept: Duration) -> At {
    At(now - TimeDelta::from_std(kept).unwrap_or(TimeDelta::days(36_500)))
}

async fn prune_keys(connection: &mut Connection, before: At, batch: u32) -> Answer<u64> {
    let old: Vec<(Uid, String)> = idempotency_keys::table
        .filter(idempotency_keys::created_at.lt(before))
        .order(idempotency_keys::created_at)
        .limit(i64::from(batch))
        .select((idempotency_keys::owner, idempotency_keys::idempotency_key))
        .load(connection)
        .await?;
    let mut removed = 0;
    for (owner, key) in old {
        removed +=
            diesel::delete(idempotency_keys::table.find((owner, key))).execute(connection).await?;
    }
    Ok(removed as u64)
}

async fn prune_callbacks(connection: &mut Connection, before: At, batch: u32) -> Answer<u64> {
    let old: Vec<i64> = callbacks::table
        .filter(callbacks::settled_at.lt(before))
        .limit(i64::from(batch))
        .select(callbacks::id)
        .load(connection)
        .await?;
    let removed = diesel::delete(callbacks::table.filter(callbacks::id.eq_any(old)))
        .execute(connection)
        .await?;
    Ok(removed as u64)
}

async fn prune_workers(connection: &mut Connection, before: At) -> Answer<u64> {
    let busy = exists(
        jobs::table
            .filter(jobs::worker.eq(workers::id.nullable()))
            .filter(jobs::state.eq("running")),
    );
    let gone = workers::table.filter(workers::last_seen.lt(before)).filter(not(busy));
    Ok(diesel::delete(gone).execute(connection).await? as u64)
}

pub(crate) async fn sweepable(
    connection: &mut Connection,
    idle: Duration,
    limit: u32,
) -> Answer<Vec<SweepableAttempt>> {
    let before = before(now(connection).await?, idle);
    let found: Vec<(Uid, Uid)> = job_attempts::table
        .inner_join(jobs::table.on(jobs::id.eq(job_attempts::job)))
        .filter(job_attempts::swept_at.is_null())
        .filter(job_attempts::ending.ne("completed"))
        .filter(jobs::finished_at.lt(before))
        .order((job_attempts::ended_at, job_attempts::lease))
        .limit(i64::from(limit))
        .select((job_attempts::job, job_attempts::lease))
        .load(connection)
        .await?;
    let attempt = |(job, lease): (Uid, Uid)| SweepableAttempt {
        job: JobId::from_uuid(job.0),
        lease: LeaseId::from_uuid(lease.0),
    };
    Ok(found.into_iter().map(attempt).collect())
}

pub(crate) async fn swept(connection: &mut Connection, leases: Vec<LeaseId>) -> Answer<()> {
    let now = now(connection).await?;
    let leases = leases.into_iter().map(|lease| Uid(lease.as_uuid()));
    diesel::update(job_attempts::table.filter(job_attempts::lease.eq_any(leases)))
        .set(job_attempts::swept_at.eq(At(now)))
        .execute(connection)
        .await?;
    Ok(())
}
