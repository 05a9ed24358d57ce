use alphafleet_domain::job::{Completion, Outcome, ProgressBatch};
use alphafleet_domain::ports::Settled;
use alphafleet_domain::{Instant, Job, LeaseId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::record::{self, tamed};
use super::write::{EndedBy, end_attempt, locked_by_lease};
use super::{Connection, models, now};
use crate::error::Answer;
use crate::rows::ArtifactRow;
use crate::schema::{job_artifacts, job_attempts};
use crate::values::Uid;

pub(crate) async fn settle(
    connection: &mut Connection,
    lease: LeaseId,
    outcome: Outcome,
    last: ProgressBatch,
) -> Answer<Settled> {
    let Some(mut job) = locked_by_lease(connection, lease).await? else {
        return ended_before(connection, lease).await;
    };
    let now = now(connection).await?;
    record::write(connection, Uid(job.id.as_uuid()), &last).await?;
    if let Some(progress) = &last.progress {
        job.progress = tamed(progress);
    }
    if last.checkpoint.is_some() {
        job.checkpoint = last.checkpoint;
    }
    if matches!(outcome, Outcome::Completed(_) | Outcome::Cancelled) {
        // Nobody goes on from it; its objects are the worker's to remove.
        job.checkpoint = None;
    }
    let after = end_attempt(connection, &job, &outcome, EndedBy::Worker, now).await?;
    if let Outcome::Completed(completion) = &outcome {
        leave_behind(connection, &after, completion, now).await?;
    }
    Ok(Settled::Done(after))
}

/// The lease is no running job's: its worker settled it, or others ended it.
async fn ended_before(connection: &mut Connection, lease: LeaseId) -> Answer<Settled> {
    let ending: Option<Option<String>> = job_attempts::table
        .find(Uid(lease.as_uuid()))
        .select(job_attempts::ending)
        .get_result(connection)
        .await
        .optional()?;
    Ok(match ending.flatten().as_deref() {
        None | Some("lost") => Settled::Fenced,
        Some(_) => Settled::Already,
    })
}

async fn leave_behind(
    connection: &mut Connection,
    job: &Job,
    completion: &Completion,
    now: Instant,
) -> Answer<()> {
    let rows: Vec<ArtifactRow> =
        completion.artifacts.iter().map(|pointer| ArtifactRow::new(job.id, pointer)).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_artifacts::table).values(row));
    if let Some(model) = &completion.model {
        models::insert(connection, job, model, now).await?;
    }
    Ok(())
}
