use std::collections::{HashMap, HashSet};

use alphafleet_domain::job::{Completion, Outcome};
use alphafleet_domain::ports::{Settled, Settlement};
use alphafleet_domain::{Instant, Job, JobId, LeaseId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::record::{self, tamed};
use super::write::{EndedBy, apply, ending, locked_by_leases};
use super::{Connection, best_figures, end_attempts, family, feature_cache, models, now};
use crate::error::Answer;
use crate::rows::ArtifactRow;
use crate::schema::{job_artifacts, job_attempts};
use crate::values::Uid;

/// Ends attempts, each under its own lease; those that are no longer held are left as they are.
pub(crate) async fn settle(
    connection: &mut Connection,
    settlements: Vec<Settlement>,
) -> Answer<Vec<Settled>> {
    let leases: Vec<LeaseId> = settlements.iter().map(|settlement| settlement.lease).collect();
    lock_families(connection, &settlements).await?;
    let held = locked_by_leases(connection, &leases).await?;
    let mut held: HashMap<LeaseId, Job> =
        held.into_iter().filter_map(|job| Some((job.lease()?, job))).collect();
    let known = ended_before(connection, &leases, &held).await?;
    let now = now(connection).await?;
    record::write_all(connection, said(&settlements, &held)).await?;
    let (mut changes, mut ends, mut done) = (Vec::new(), Vec::new(), HashMap::new());
    for settlement in &settlements {
        let Some(before) = held.remove(&settlement.lease) else { continue };
        let before = up_to_date(before, settlement);
        let (change, end) = ending(before, &settlement.outcome, EndedBy::Worker, now)?;
        done.insert(settlement.lease, change.after.clone());
        changes.push(change);
        ends.extend(end);
    }
    apply(connection, &changes, now).await?;
    end_attempts(connection, ends, now).await?;
    leave_behind(connection, &settlements, &done, now).await?;
    let answer = |settlement: Settlement| match done.remove(&settlement.lease) {
        Some(job) => Settled::Done(job),
        None if known.contains(&settlement.lease) => Settled::Already,
        None => Settled::Fenced,
    };
    Ok(settlements.into_iter().map(answer).collect())
}

/// Locks the parents of children that may end, and the siblings of those that may not complete.
async fn lock_families(connection: &mut Connection, settlements: &[Settlement]) -> Answer<()> {
    let leases: Vec<LeaseId> = settlements.iter().map(|settlement| settlement.lease).collect();
    let parents = family::parents_of_leases(connection, &leases).await?;
    family::lock_parents(connection, parents.values().copied()).await?;
    let spoilt = settlements
        .iter()
        .filter(|settlement| !matches!(settlement.outcome, Outcome::Completed(_)))
        .filter_map(|settlement| parents.get(&settlement.lease).copied());
    family::lock_unended(connection, spoilt.collect::<Vec<JobId>>()).await?;
    Ok(())
}

/// What the attempts that are still held had to say last.
fn said<'a>(
    settlements: &'a [Settlement],
    held: &HashMap<LeaseId, Job>,
) -> Vec<(Uid, &'a alphafleet_domain::job::ProgressBatch)> {
    let of_held = |settlement: &'a Settlement| {
        let job = held.get(&settlement.lease)?;
        Some((Uid(job.id.as_uuid()), &settlement.last))
    };
    settlements.iter().filter_map(of_held).collect()
}

fn up_to_date(mut job: Job, settlement: &Settlement) -> Job {
    if let Some(progress) = &settlement.last.progress {
        job.progress = tamed(progress);
    }
    if settlement.last.checkpoint.is_some() {
        job.checkpoint.clone_from(&settlement.last.checkpoint);
    }
    if matches!(settlement.outcome, Outcome::Completed(_) | Outcome::Cancelled) {
        // Nobody goes on from it; its objects are the worker's to remove.
        job.checkpoint = None;
    }
    job
}

/// Leases that are no running job's because their worker settled them before, and not because
/// others ended them.
async fn ended_before(
    connection: &mut Connection,
    leases: &[LeaseId],
    held: &HashMap<LeaseId, Job>,
) -> Answer<HashSet<LeaseId>> {
    let gone = leases.iter().filter(|lease| !held.contains_key(lease));
    let gone: Vec<Uid> = gone.map(|lease| Uid(lease.as_uuid())).collect();
    if gone.is_empty() {
        return Ok(HashSet::new());
    }
    let settled: Vec<Uid> = job_attempts::table
        .filter(job_attempts::lease.eq_any(gone))
        .filter(job_attempts::ending.ne("lost"))
        .select(job_attempts::lease)
        .load(connection)
        .await?;
    Ok(settled.into_iter().map(|lease| LeaseId::from_uuid(lease.0)).collect())
}

async fn leave_behind(
    connection: &mut Connection,
    settlements: &[Settlement],
    done: &HashMap<LeaseId, Job>,
    now: Instant,
) -> Answer<()> {
    let completions: Vec<(&Job, &Completion)> = settlements
        .iter()
        .filter_map(|settlement| match &settlement.outcome {
            Outcome::Completed(completion) => Some((done.get(&settlement.lease)?, completion)),
            _ => None,
        })
        .collect();
    let rows: Vec<ArtifactRow> = completions
        .iter()
        .flat_map(|(job, completion)| {
            completion.artifacts.iter().map(|pointer| ArtifactRow::new(job.id, pointer))
        })
        .collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_artifacts::table).values(row));
    for (job, completion) in completions {
        if let Some(model) = &completion.model {
            models::insert(connection, job, model, now).await?;
        }
        if let Some(backtest) = &completion.backtest {
            best_figures::note(connection, job, backtest).await?;
        }
        if let Some(version) = job.dataset_version {
            feature_cache::keep(connection, &completion.features, version, now).await?;
        }
    }
    Ok(())
}
