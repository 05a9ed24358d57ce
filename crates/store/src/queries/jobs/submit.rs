use std::collections::{HashMap, HashSet};

use alphafleet_domain::job::{JobState, Progress};
use alphafleet_domain::ports::{
    IdempotencyKey, NewJob, StoreError, Submission, SubmitError, Submitted,
};
use alphafleet_domain::{ExperimentId, Instant, Job, UserId};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::FIRST_WAIT_MS;
use super::{ACTIVE, Connection, audit, experiments, now, outbox};
use crate::error::Answer;
use crate::rows::{JobRow, unsigned};
use crate::schema::{idempotency_keys, jobs, users};
use crate::transition::state_event;
use crate::values::{At, Uid, text};

/// Everything is checked before anything is written, so a refusal leaves nothing behind.
pub(crate) async fn submit(
    connection: &mut Connection,
    submissions: Vec<Submission>,
) -> Answer<Result<Vec<Submitted>, SubmitError>> {
    let Some(owner) = one_owner(&submissions)? else { return Ok(Ok(Vec::new())) };
    // Submits of one user come one after another.
    let limit = users::table.find(Uid(owner.as_uuid())).select(users::max_concurrent_sessions);
    let limit: i64 = match locking_weakly!(limit).get_result(connection).await.optional()? {
        Some(limit) => limit,
        None => return Ok(Err(SubmitError::UnknownUser)),
    };
    if let Err(refused) = families(&submissions) {
        return Ok(Err(refused.into()));
    }
    let mut known = match earlier(connection, owner, &submissions).await? {
        Ok(known) => known,
        Err(refused) => return Ok(Err(refused)),
    };
    let is_new = |submission: &&Submission| {
        submission.idempotency.as_ref().is_none_or(|key| !known.contains_key(&key.key))
    };
    let sessions = submissions.iter().filter(is_new).filter(|s| s.job.parent.is_none()).count();
    if sessions > 0 && active(connection, owner).await? + sessions as i64 > limit {
        let limit = unsigned(limit, "users.max_concurrent_sessions")?;
        return Ok(Err(SubmitError::LimitReached { limit }));
    }
    let now = now(connection).await?;
    let new: Vec<Submission> = submissions.iter().filter(is_new).cloned().collect();
    let mut new = insert(connection, owner, new, now).await?.into_iter();
    let answer = |submission: Submission| match submission.idempotency {
        Some(key) if known.contains_key(&key.key) => {
            known.remove(&key.key).map(Submitted::Replayed)
        }
        _ => new.next().map(Submitted::New),
    };
    Ok(Ok(submissions.into_iter().filter_map(answer).collect()))
}

fn one_owner(submissions: &[Submission]) -> Result<Option<UserId>, StoreError> {
    let owners: HashSet<UserId> = submissions.iter().map(|one| one.job.owner).collect();
    if owners.len() > 1 {
        return Err(StoreError::Database("jobs of several owners in one submit".into()));
    }
    Ok(owners.into_iter().next())
}

/// A family has one generation of children, and not too many.
fn families(submissions: &[Submission]) -> Result<(), StoreError> {
    let refused = |why: String| Err(StoreError::Database(why.into()));
    for Submission { job, children, .. } in submissions {
        if children.len() > Submission::MAX_CHILDREN {
            let (found, most) = (children.len(), Submission::MAX_CHILDREN);
            return refused(format!("{found} children of one job are too many: {most} at most"));
        }
        if job.parent.is_some() && !children.is_empty() {
            return refused(format!("job {} is a child and cannot have children", job.id));
        }
    }
    Ok(())
}

/// The job that came under this key before.
pub(crate) async fn submitted(
    connection: &mut Connection,
    owner: UserId,
    key: IdempotencyKey,
) -> Answer<Result<Option<Job>, SubmitError>> {
    let known = known(connection, owner, vec![text(&key.key)]).await?;
    Ok(match known.into_iter().next() {
        None => Ok(None),
        Some((_, body, job)) if body == key.body_sha256 => Ok(Some(job)),
        Some(_) => Err(SubmitError::IdempotencyConflict),
    })
}

/// What came under the same keys before, by key.
async fn earlier(
    connection: &mut Connection,
    owner: UserId,
    submissions: &[Submission],
) -> Answer<Result<HashMap<String, Job>, SubmitError>> {
    let mut bodies = HashMap::new();
    for key in submissions.iter().filter_map(|submission| submission.idempotency.as_ref()) {
        if bodies.insert(text(&key.key), &key.body_sha256).is_some() {
            return Ok(Err(SubmitError::IdempotencyConflict));
        }
    }
    if bodies.is_empty() {
        return Ok(Ok(HashMap::new()));
    }
    let known = known(connection, owner, bodies.keys().cloned().collect()).await?;
    if known.iter().any(|(key, body, _)| bodies.get(key).is_some_and(|wanted| *wanted != body)) {
        return Ok(Err(SubmitError::IdempotencyConflict));
    }
    Ok(Ok(known.into_iter().map(|(key, _, job)| (key, job)).collect()))
}

async fn known(
    connection: &mut Connection,
    owner: UserId,
    keys: Vec<String>,
) -> Answer<Vec<(String, String, Job)>> {
    let rows: Vec<(String, String, JobRow)> = idempotency_keys::table
        .inner_join(jobs::table.on(jobs::id.eq(idempotency_keys::job)))
        .filter(idempotency_keys::owner.eq(Uid(owner.as_uuid())))
        .filter(idempotency_keys::idempotency_key.eq_any(keys))
        .select((
            idempotency_keys::idempotency_key,
            idempotency_keys::body_sha256,
            JobRow::as_select(),
        ))
        .load(connection)
        .await?;
    let entry = |(key, body, row): (String, String, JobRow)| Ok((key, body, row.try_into()?));
    rows.into_iter().map(entry).collect()
}

async fn active(connection: &mut Connection, owner: UserId) -> Answer<i64> {
    Ok(jobs::table
        .filter(jobs::owner.eq(Uid(owner.as_uuid())))
        .filter(jobs::parent.is_null())
        .filter(jobs::state.eq_any(ACTIVE))
        .count()
        .get_result(connection)
        .await?)
}

/// Takes jobs in that are checked already.
pub(crate) async fn insert(
    connection: &mut Connection,
    owner: UserId,
    submissions: Vec<Submission>,
    now: Instant,
) -> Answer<Vec<Job>> {
    let (mut jobs, mut rows) = (Vec::new(), Vec::new());
    let (mut keys, mut audits, mut born) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for Submission { mut job, children, idempotency, experiment, callback_url, audit } in
        submissions
    {
        if let Some(name) = experiment {
            let id = experiment_id(connection, owner, name, now, &mut known).await?;
            job.experiment = Some(id);
        }
        let job = pending(job, children.len(), now)?;
        rows.push(new_row(&job, 0, callback_url.as_deref().map(text), now));
        for (ordinal, child) in (0..).zip(children) {
            let child = pending(child_of(&job, child), 0, now)?;
            rows.push(new_row(&child, ordinal, None, now));
            born.push(child);
        }
        keys.extend(idempotency.map(|key| key_row(&job, &key, now)));
        audits.push(audit);
        jobs.push(job);
    }
    insert_all!(connection, rows, |row| diesel::insert_into(jobs::table).values(row));
    insert_all!(connection, keys, |row| diesel::insert_into(idempotency_keys::table).values(row));
    let all = jobs.iter().chain(&born);
    outbox::append(connection, all.map(|job| state_event(job, now)).collect()).await?;
    audit::append_all(connection, audits).await?;
    Ok(jobs)
}

/// A child as its parent has it.
fn child_of(parent: &Job, child: NewJob) -> NewJob {
    NewJob {
        owner: parent.owner,
        priority: parent.priority,
        parent: Some(parent.id),
        strategy: parent.strategy,
        experiment: parent.experiment,
        dataset_version: parent.dataset_version,
        ..child
    }
}

/// Everything a new row holds.
#[derive(Insertable)]
#[diesel(table_name = jobs)]
struct NewJobRow {
    #[diesel(embed)]
    job: JobRow,
    ordinal: i64,
    publish_after: At,
    publish_wait_ms: i64,
    callback_url: Option<String>,
}

fn new_row(job: &Job, ordinal: i64, callback_url: Option<String>, now: Instant) -> NewJobRow {
    NewJobRow {
        job: JobRow::from(job),
        ordinal,
        publish_after: At(first_publication(job, now)),
        publish_wait_ms: FIRST_WAIT_MS,
        callback_url,
    }
}

/// Whoever submits a job that is due publishes its ticket at once: the dispatcher does it again
/// if nobody has claimed the job by then.
fn first_publication(job: &Job, now: Instant) -> Instant {
    match job.state {
        JobState::Pending { not_before: Some(at) } if at > now => at,
        _ => now + TimeDelta::milliseconds(FIRST_WAIT_MS),
    }
}

/// The owner's experiment of that name, asked for once a batch.
async fn experiment_id(
    connection: &mut Connection,
    owner: UserId,
    name: String,
    now: Instant,
    known: &mut HashMap<String, ExperimentId>,
) -> Answer<ExperimentId> {
    if let Some(id) = known.get(&name) {
        return Ok(*id);
    }
    let id = experiments::ensure(connection, owner, name.clone(), now).await?.id;
    known.insert(name, id);
    Ok(id)
}

#[derive(Insertable)]
#[diesel(table_name = idempotency_keys)]
struct KeyRow {
    owner: Uid,
    idempotency_key: String,
    body_sha256: String,
    job: Uid,
    created_at: At,
}

fn key_row(job: &Job, key: &IdempotencyKey, now: Instant) -> KeyRow {
    KeyRow {
        owner: Uid(job.owner.as_uuid()),
        idempotency_key: text(&key.key),
        body_sha256: key.body_sha256.clone(),
        job: Uid(job.id.as_uuid()),
        created_at: At(now),
    }
}

/// A new job as it will be read back: texts without NUL, instants to the microsecond.
fn pending(job: NewJob, children: usize, now: Instant) -> Result<Job, StoreError> {
    let children = u32::try_from(children).unwrap_or(u32::MAX);
    let job = Job {
        id: job.id,
        owner: job.owner,
        kind: job.kind,
        queue: job.queue,
        priority: job.priority,
        parent: job.parent,
        children,
        waiting_on: children,
        strategy: job.strategy,
        experiment: job.experiment,
        dataset_version: job.dataset_version,
        spec: job.spec,
        limits: job.limits,
        retry: job.retry,
        state: JobState::Pending { not_before: job.not_before.map(to_the_microsecond) },
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
    JobRow::from(&job).try_into()
}

fn to_the_microsecond(at: Instant) -> Instant {
    Instant::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
