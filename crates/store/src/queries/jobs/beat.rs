use std::collections::HashSet;

use alphafleet_domain::job::Outcome;
use alphafleet_domain::ports::{Beat, BeatAnswer};
use alphafleet_domain::{JobId, LeaseId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::write::{EndedBy, apply, ending, locked_by_leases};
use super::{Connection, end_attempts, family, now};
use crate::error::Answer;
use crate::schema::{jobs, workers};
use crate::values::{At, Uid};

/// A job is released at this many beats in a row that do not name it.
const MISSED_BEATS: i64 = 2;

/// A running job of the worker, as far as a beat needs it.
struct Held {
    job: JobId,
    lease: LeaseId,
    cancel_requested: bool,
    missed_beats: i64,
}

impl Held {
    /// Whether another beat does not name it. The first one may have left before the answer to the
    /// claim came.
    fn is_lost(&self, named: &HashSet<LeaseId>) -> bool {
        !named.contains(&self.lease) && self.missed_beats + 1 >= MISSED_BEATS
    }
}

pub(crate) async fn beat(connection: &mut Connection, beat: Beat) -> Answer<BeatAnswer> {
    let now = now(connection).await?;
    let worker = Uid(beat.worker.as_uuid());
    let known = diesel::update(workers::table.find(worker))
        .set(workers::last_seen.eq(At(now)))
        .execute(connection)
        .await?;
    if known == 0 {
        // Its row was removed, so its jobs are no longer its own.
        return Ok(BeatAnswer { fenced: beat.held, cancel: Vec::new(), unregistered: true });
    }
    let rows = running(connection, worker).await?;
    let named: HashSet<LeaseId> = beat.held.iter().copied().collect();
    release(connection, &rows, &named).await?;
    let mut own = HashSet::new();
    let mut answer = BeatAnswer::default();
    for row in &rows {
        own.insert(row.lease);
        if !named.contains(&row.lease) {
            if !row.is_lost(&named) {
                count(connection, row, row.missed_beats + 1).await?;
            }
            continue;
        }
        if row.missed_beats > 0 {
            count(connection, row, 0).await?;
        }
        if row.cancel_requested {
            answer.cancel.push(row.lease);
        }
    }
    answer.fenced = beat.held.into_iter().filter(|lease| !own.contains(lease)).collect();
    Ok(answer)
}

async fn running(connection: &mut Connection, worker: Uid) -> Answer<Vec<Held>> {
    let rows: Vec<(Uid, Option<Uid>, bool, i64)> = jobs::table
        .filter(jobs::worker.eq(worker))
        .filter(jobs::state.eq("running"))
        .order(jobs::id)
        .select((jobs::id, jobs::lease, jobs::cancel_requested, jobs::missed_beats))
        .load(connection)
        .await?;
    let held = |(job, lease, cancel_requested, missed_beats): (Uid, Option<Uid>, bool, i64)| {
        Some(Held {
            job: JobId::from_uuid(job.0),
            lease: LeaseId::from_uuid(lease?.0),
            cancel_requested,
            missed_beats,
        })
    };
    Ok(rows.into_iter().filter_map(held).collect())
}

/// Ends attempts that the worker does not name although they are its own: the answer to its claim
/// was lost.
async fn release(
    connection: &mut Connection,
    rows: &[Held],
    named: &HashSet<LeaseId>,
) -> Answer<()> {
    let lost = rows.iter().filter(|row| row.is_lost(named));
    let lost: Vec<LeaseId> = lost.map(|row| row.lease).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let parents = family::parents_of_leases(connection, &lost).await?;
    family::lock_parents(connection, parents.into_values()).await?;
    let now = now(connection).await?;
    let (mut changes, mut ends) = (Vec::new(), Vec::new());
    for job in locked_by_leases(connection, &lost).await? {
        let (change, end) = ending(job, &Outcome::Released, EndedBy::Others, now)?;
        changes.push(change);
        ends.extend(end);
    }
    apply(connection, &changes, now).await?;
    end_attempts(connection, ends, now).await?;
    Ok(())
}

async fn count(connection: &mut Connection, row: &Held, missed: i64) -> Answer<()> {
    let held =
        jobs::table.find(Uid(row.job.as_uuid())).filter(jobs::lease.eq(Uid(row.lease.as_uuid())));
    diesel::update(held).set(jobs::missed_beats.eq(missed)).execute(connection).await?;
    Ok(())
}
