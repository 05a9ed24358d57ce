//! A job and the children it waits for: what the end of a child does to the others.
//!
//! Whoever may end a child locks its parent first, then children by their ids. So the ends of one
//! family come one after another, each counts those before it, and nobody waits in a circle.

use std::collections::{BTreeSet, HashMap};

use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{Instant, Job, JobId, JobState, LeaseId};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::write::{Change, illegal, write};
use super::{ACTIVE, Connection, outbox};
use crate::error::Answer;
use crate::rows::{JobRow, unsigned};
use crate::schema::jobs;
use crate::transition::{Children, cancelled, counted, progress_event};
use crate::values::Uid;

/// The parents of the jobs that run under these leases, by lease.
pub(super) async fn parents_of_leases(
    connection: &mut Connection,
    leases: &[LeaseId],
) -> Answer<HashMap<LeaseId, JobId>> {
    let leases: Vec<Uid> = leases.iter().map(|lease| Uid(lease.as_uuid())).collect();
    let found: Vec<(Option<Uid>, Option<Uid>)> = jobs::table
        .filter(jobs::lease.eq_any(leases))
        .filter(jobs::parent.is_not_null())
        .select((jobs::lease, jobs::parent))
        .load(connection)
        .await?;
    let pair = |(lease, parent): (Option<Uid>, Option<Uid>)| {
        Some((LeaseId::from_uuid(lease?.0), JobId::from_uuid(parent?.0)))
    };
    Ok(found.into_iter().filter_map(pair).collect())
}

/// Locks parents until the transaction ends, before any child of theirs is locked.
pub(super) async fn lock_parents(
    connection: &mut Connection,
    parents: impl IntoIterator<Item = JobId>,
) -> Answer<()> {
    let parents = ids(parents);
    if parents.is_empty() {
        return Ok(());
    }
    let rows = jobs::table.filter(jobs::id.eq_any(parents)).order(jobs::id).select(jobs::id);
    locking!(rows).load::<Uid>(connection).await?;
    Ok(())
}

/// The children of locked parents that have not ended, locked too.
pub(super) async fn lock_unended(
    connection: &mut Connection,
    parents: impl IntoIterator<Item = JobId>,
) -> Answer<Vec<Job>> {
    let parents = ids(parents);
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let rows = jobs::table
        .filter(jobs::parent.eq_any(parents))
        .filter(jobs::state.eq_any(ACTIVE))
        .order(jobs::id)
        .select(JobRow::as_select());
    let rows: Vec<JobRow> = locking!(rows).load(connection).await?;
    Ok(rows.into_iter().map(Job::try_from).collect::<Result<_, _>>()?)
}

fn ids(jobs: impl IntoIterator<Item = JobId>) -> Vec<Uid> {
    let distinct: BTreeSet<Uuid> = jobs.into_iter().map(JobId::as_uuid).collect();
    distinct.into_iter().map(Uid).collect()
}

/// After changes were written: has the parents of children that ended count them, and cancels the
/// siblings of those that did not complete.
pub(super) async fn follow(
    connection: &mut Connection,
    changes: &[Change],
    now: Instant,
) -> Answer<()> {
    let ended = changes.iter().map(|change| &change.after);
    let ended: Vec<&Job> = ended.filter(|job| job.state.name().is_terminal()).collect();
    let parents = waiting(connection, ended.iter().filter_map(|job| job.parent)).await?;
    if parents.is_empty() {
        return Ok(());
    }
    let spoilt = ended.iter().filter(|job| job.state != JobState::Completed);
    let spoilt: BTreeSet<Option<JobId>> = spoilt.map(|job| job.parent).collect();
    let spoilt = parents.iter().map(|parent| parent.id).filter(|id| spoilt.contains(&Some(*id)));
    cancel_children(connection, spoilt, now).await?;
    count(connection, parents, now).await
}

/// Those of the parents that wait for children.
async fn waiting(
    connection: &mut Connection,
    parents: impl IntoIterator<Item = JobId>,
) -> Answer<Vec<Job>> {
    let parents = ids(parents);
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let rows = jobs::table
        .filter(jobs::id.eq_any(parents))
        .filter(jobs::waiting_on.gt(0))
        .order(jobs::id)
        .select(JobRow::as_select());
    let rows: Vec<JobRow> = locking!(rows).load(connection).await?;
    Ok(rows.into_iter().map(Job::try_from).collect::<Result<_, _>>()?)
}

/// Cancels what has not ended of the children: pending ones at once, running ones by a request to
/// their workers.
pub(super) async fn cancel_children(
    connection: &mut Connection,
    parents: impl IntoIterator<Item = JobId>,
    now: Instant,
) -> Answer<()> {
    let mut changes = Vec::new();
    for before in lock_unended(connection, parents).await? {
        let asked = matches!(before.state, JobState::Running { cancel_requested: true, .. });
        if !asked {
            let after = cancelled(&before, now).map_err(illegal)?;
            changes.push(Change { before, after });
        }
    }
    write(connection, &changes, now).await
}

/// Writes down how many children the parents still wait for, and tells it. One that waits for none
/// any more is due at once.
async fn count(connection: &mut Connection, parents: Vec<Job>, now: Instant) -> Answer<()> {
    let standing = standing(connection, parents.iter().map(|parent| parent.id)).await?;
    let changes: Vec<Change> = parents
        .into_iter()
        .map(|before| {
            let children = standing.get(&before.id).copied().unwrap_or_default();
            Change { after: counted(&before, children), before }
        })
        .collect();
    write(connection, &changes, now).await?;
    let waits = |job: &&Job| job.state.name() == StateName::Pending;
    let news = changes.iter().map(|change| &change.after).filter(waits);
    outbox::append(connection, news.map(|job| progress_event(job, now)).collect()).await
}

/// How the children of the jobs stand. Counted, not subtracted: it cannot drift.
pub(super) async fn standing(
    connection: &mut Connection,
    parents: impl IntoIterator<Item = JobId>,
) -> Answer<HashMap<JobId, Children>> {
    let counted: Vec<(Option<Uid>, String, i64)> = jobs::table
        .filter(jobs::parent.eq_any(ids(parents)))
        .group_by((jobs::parent, jobs::state))
        .select((jobs::parent, jobs::state, count_star()))
        .load(connection)
        .await?;
    let mut standing: HashMap<JobId, Children> = HashMap::new();
    for (parent, state, number) in counted {
        let Some(parent) = parent else { continue };
        let number: u32 = unsigned(number, "count")?;
        let of = standing.entry(JobId::from_uuid(parent.0)).or_default();
        match state.parse().map_err(|_| StoreError::CorruptRow { column: "jobs.state" })? {
            StateName::Pending | StateName::Running => of.unended += number,
            StateName::Completed => of.completed += number,
            StateName::Failed | StateName::Cancelled => of.spoilt += number,
        }
    }
    Ok(standing)
}
