use alphafleet_domain::job::{JobState, Progress};
use alphafleet_domain::ports::{IdempotencyKey, NewJob, Submission, SubmitError, Submitted};
use alphafleet_domain::{Instant, Job, UserId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::FIRST_WAIT_MS;
use super::{ACTIVE, Connection, audit, now, outbox, read};
use crate::error::Answer;
use crate::rows::{JobRow, unsigned};
use crate::schema::{idempotency_keys, jobs, users};
use crate::transition::state_event;
use crate::values::{At, Uid, text};

pub(crate) async fn submit(
    connection: &mut Connection,
    submission: Submission,
) -> Answer<Result<Submitted, SubmitError>> {
    let Submission { job, idempotency, audit: record } = submission;
    let owner = Uid(job.owner.as_uuid());
    // Submits of one user come one after another.
    let limit = users::table.find(owner).select(users::max_concurrent_sessions);
    let limit: i64 = match locking_weakly!(limit).get_result(connection).await.optional()? {
        Some(limit) => limit,
        None => return Ok(Err(SubmitError::UnknownUser)),
    };
    if let Some(key) = &idempotency
        && let Some(earlier) = earlier(connection, job.owner, key).await?
    {
        return Ok(earlier);
    }
    if job.parent.is_none() && active(connection, owner).await? >= limit {
        let limit = unsigned(limit, "users.max_concurrent_sessions")?;
        return Ok(Err(SubmitError::LimitReached { limit }));
    }
    let now = now(connection).await?;
    let job = insert(connection, job, now).await?;
    if let Some(key) = &idempotency {
        remember(connection, &job, key, now).await?;
    }
    outbox::append(connection, state_event(&job, now)).await?;
    audit::append(connection, record).await?;
    Ok(Ok(Submitted::New(job)))
}

/// What came under the same key before.
async fn earlier(
    connection: &mut Connection,
    owner: UserId,
    key: &IdempotencyKey,
) -> Answer<Option<Result<Submitted, SubmitError>>> {
    let known: Option<(String, JobRow)> = idempotency_keys::table
        .inner_join(jobs::table.on(jobs::id.eq(idempotency_keys::job)))
        .filter(idempotency_keys::owner.eq(Uid(owner.as_uuid())))
        .filter(idempotency_keys::idempotency_key.eq(text(&key.key)))
        .select((idempotency_keys::body_sha256, JobRow::as_select()))
        .get_result(connection)
        .await
        .optional()?;
    Ok(match known {
        None => None,
        Some((body, row)) if body == key.body_sha256 => {
            Some(Ok(Submitted::Replayed(row.try_into()?)))
        }
        Some(_) => Some(Err(SubmitError::IdempotencyConflict)),
    })
}

async fn remember(
    connection: &mut Connection,
    job: &Job,
    key: &IdempotencyKey,
    now: Instant,
) -> Answer<()> {
    diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::owner.eq(Uid(job.owner.as_uuid())),
            idempotency_keys::idempotency_key.eq(text(&key.key)),
            idempotency_keys::body_sha256.eq(&key.body_sha256),
            idempotency_keys::job.eq(Uid(job.id.as_uuid())),
            idempotency_keys::created_at.eq(At(now)),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

async fn active(connection: &mut Connection, owner: Uid) -> Answer<i64> {
    Ok(jobs::table
        .filter(jobs::owner.eq(owner))
        .filter(jobs::parent.is_null())
        .filter(jobs::state.eq_any(ACTIVE))
        .count()
        .get_result(connection)
        .await?)
}

async fn insert(connection: &mut Connection, job: NewJob, now: Instant) -> Answer<Job> {
    let job = Job {
        id: job.id,
        owner: job.owner,
        kind: job.kind,
        queue: job.queue,
        priority: job.priority,
        parent: job.parent,
        strategy: job.strategy,
        experiment: job.experiment,
        dataset_version: job.dataset_version,
        spec: job.spec,
        limits: job.limits,
        retry: job.retry,
        state: JobState::Pending { not_before: job.not_before },
        attempt: 0,
        failures: 0,
        progress: Progress::default(),
        checkpoint: None,
        result: None,
        last_failure: None,
        created_at: now,
        started_at: None,
        finished_at: None,
    };
    let publish_after = match job.state {
        JobState::Pending { not_before: Some(at) } => at.max(now),
        _ => now,
    };
    diesel::insert_into(jobs::table)
        .values((
            JobRow::from(&job),
            jobs::publish_after.eq(At(publish_after)),
            jobs::publish_wait_ms.eq(FIRST_WAIT_MS),
        ))
        .execute(connection)
        .await?;
    // As stored: instants are kept to the microsecond.
    Ok(read::job(connection, job.id).await?.unwrap_or(job))
}
