use std::collections::HashMap;

use alphafleet_domain::ports::{Claim, StoreError};
use alphafleet_domain::{Instant, Job};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::{Change, apply, illegal};
use super::{Connection, Gate, candidates, now, pass};
use crate::error::{Answer, Fault};
use crate::rows::{AttemptRow, Candidate, JobRow};
use crate::schema::{job_attempts, jobs, workers};
use crate::transition::claimed;
use crate::values::{At, Uid};

/// Claims come one after another, so that each counts what those before it made run: two workers
/// that claim at once would else both serve the user who came first.
pub(crate) async fn claim(
    connection: &mut Connection,
    claim: Claim,
    limit: u32,
) -> Answer<Vec<Job>> {
    let now = now(connection).await?;
    require_registered(connection, &claim).await?;
    // Whoever finds nothing disturbs nobody.
    if best(connection, &claim, 1, now).await?.is_empty() {
        return Ok(Vec::new());
    }
    pass(connection, Gate::Claim).await?;
    let chosen = best(connection, &claim, limit, now).await?;
    let jobs = lock(connection, &chosen).await?;
    let mut changes = Vec::with_capacity(jobs.len());
    for before in jobs {
        let after = claimed(&before, &claim, now).map_err(illegal)?;
        changes.push(Change { before, after });
    }
    apply(connection, &changes, now).await?;
    let running: Vec<Job> = changes.into_iter().map(|change| change.after).collect();
    note_attempts(connection, &running, &claim, now).await?;
    Ok(running)
}

/// The jobs that so many claims in a row would take: by priority, then fair share, then age.
async fn best(
    connection: &mut Connection,
    claim: &Claim,
    limit: u32,
    now: Instant,
) -> Answer<Vec<Uid>> {
    let mut found: Vec<Candidate> = Vec::new();
    for queue in &claim.queues {
        found.extend(candidates(connection, queue.as_str(), now, limit).await?);
    }
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut running = running_by_owner(connection).await?;
    let mut chosen = Vec::new();
    while chosen.len() < limit as usize {
        let share = |candidate: &Candidate| running.get(&candidate.owner).copied().unwrap_or(0);
        let best = found.iter().enumerate().min_by_key(|(_, candidate)| {
            let Candidate { priority, created_at, id, .. } = **candidate;
            (-i32::from(priority), share(candidate), created_at, id.0)
        });
        let Some((place, _)) = best else { break };
        let candidate = found.swap_remove(place);
        *running.entry(candidate.owner).or_default() += 1;
        chosen.push(candidate.id);
    }
    Ok(chosen)
}

async fn running_by_owner(connection: &mut Connection) -> Answer<HashMap<Uid, i64>> {
    let counted: Vec<(Uid, i64)> = jobs::table
        .filter(jobs::state.eq("running"))
        .group_by(jobs::owner)
        .select((jobs::owner, count_star()))
        .load(connection)
        .await?;
    Ok(counted.into_iter().collect())
}

/// Those that are still pending and that nobody else has locked, in the order given.
async fn lock(connection: &mut Connection, chosen: &[Uid]) -> Answer<Vec<Job>> {
    let pending = jobs::table
        .filter(jobs::id.eq_any(chosen.to_vec()))
        .filter(jobs::state.eq("pending"))
        .filter(jobs::waiting_on.eq(0))
        .select(JobRow::as_select());
    let rows: Vec<JobRow> = locking_free!(pending).load(connection).await?;
    let mut jobs = rows.into_iter().map(Job::try_from).collect::<Result<Vec<_>, _>>()?;
    let place: HashMap<_, _> = chosen.iter().enumerate().map(|(place, id)| (id.0, place)).collect();
    jobs.sort_by_key(|job| place.get(&job.id.as_uuid()).copied());
    Ok(jobs)
}

async fn note_attempts(
    connection: &mut Connection,
    running: &[Job],
    claim: &Claim,
    now: Instant,
) -> Answer<()> {
    let rows: Vec<AttemptRow> = running
        .iter()
        .filter_map(|job| {
            Some(AttemptRow {
                lease: Uid(job.lease()?.as_uuid()),
                job: Uid(job.id.as_uuid()),
                attempt: i64::from(job.attempt),
                worker: Uid(claim.worker.as_uuid()),
                started_at: At(now),
            })
        })
        .collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_attempts::table).values(row));
    Ok(())
}

/// A job claimed by a worker without a row would expire at once.
async fn require_registered(connection: &mut Connection, claim: &Claim) -> Answer<()> {
    let known: i64 = workers::table
        .filter(workers::id.eq(Uid(claim.worker.as_uuid())))
        .count()
        .get_result(connection)
        .await?;
    if known == 0 {
        let why = format!("worker {} is not registered", claim.worker);
        return Err(Fault(StoreError::Database(why.into())));
    }
    Ok(())
}
