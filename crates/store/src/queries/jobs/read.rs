use std::collections::{BTreeMap, HashMap};

use alphafleet_domain::job::{LogLine, MetricPoint, ResourceSample, StageRecord};
use alphafleet_domain::ports::{
    Child, JobFilter, LogQuery, MetricQuery, QueueDepth, ResourceQuery, StoreError,
};
use alphafleet_domain::{ArtifactPointer, Job, JobId, Page, PageRequest};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::{ACTIVE, Connection, window};
use crate::error::Answer;
use crate::rows::{ArtifactRow, JobRow, LogRow, MetricRow, ResourceRow, StageRow, unsigned};
use crate::schema::{job_artifacts, job_logs, job_metrics, job_resources, job_stages, jobs};
use crate::values::{Uid, text};

diesel::define_sql_function!(fn lower(text: Text) -> Text);

pub(crate) async fn job(connection: &mut Connection, id: JobId) -> Answer<Option<Job>> {
    let row: Option<JobRow> = jobs::table
        .find(Uid(id.as_uuid()))
        .select(JobRow::as_select())
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(Job::try_from).transpose()?)
}

pub(crate) async fn page(
    connection: &mut Connection,
    filter: JobFilter,
    page: PageRequest,
) -> Answer<Page<Job>> {
    let (limit, offset) = window(page);
    let wanted = || {
        let mut wanted = jobs::table.into_boxed();
        if let Some(owner) = filter.owner {
            wanted = wanted.filter(jobs::owner.eq(Uid(owner.as_uuid())));
        }
        if let Some(strategy) = filter.strategy {
            wanted = wanted.filter(jobs::strategy.eq(Uid(strategy.as_uuid())));
        }
        if let Some(experiment) = filter.experiment {
            wanted = wanted.filter(jobs::experiment.eq(Uid(experiment.as_uuid())));
        }
        if let Some(kind) = filter.kind {
            wanted = wanted.filter(jobs::kind.eq(kind.as_str()));
        }
        if !filter.states.is_empty() {
            let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
            wanted = wanted.filter(jobs::state.eq_any(states));
        }
        if filter.top_level {
            wanted = wanted.filter(jobs::parent.is_null());
        }
        if let Some(parent) = filter.parent {
            wanted = wanted.filter(jobs::parent.eq(Uid(parent.as_uuid())));
        }
        wanted
    };
    let total: i64 = wanted().count().get_result(connection).await?;
    let listed = wanted().select(JobRow::as_select());
    let ordered = match filter.parent {
        Some(_) => listed.order((jobs::ordinal, jobs::id)),
        None => listed.order((jobs::created_at.desc(), jobs::id.desc())),
    };
    let rows: Vec<JobRow> = ordered.limit(limit).offset(offset).load(connection).await?;
    let items = rows.into_iter().map(Job::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, total: unsigned(total, "count")? })
}

/// The children that were submitted with a job, in their order.
pub(crate) async fn children(connection: &mut Connection, parent: JobId) -> Answer<Vec<Child>> {
    let of_parent = jobs::parent.eq(Uid(parent.as_uuid()));
    let rows: Vec<JobRow> = jobs::table
        .filter(of_parent)
        .order((jobs::ordinal, jobs::id))
        .select(JobRow::as_select())
        .load(connection)
        .await?;
    let files: Vec<(Uid, ArtifactRow)> = job_artifacts::table
        .inner_join(jobs::table.on(jobs::id.eq(job_artifacts::job)))
        .filter(of_parent)
        .order((job_artifacts::name, job_artifacts::id))
        .select((jobs::id, ArtifactRow::as_select()))
        .load(connection)
        .await?;
    let mut artifacts: HashMap<Uuid, Vec<ArtifactPointer>> = HashMap::new();
    for (job, row) in files {
        artifacts.entry(job.0).or_default().push(row.try_into()?);
    }
    let child = |row: JobRow| {
        let Job { id, state, finished_at, .. } = row.try_into()?;
        let artifacts = artifacts.remove(&id.as_uuid()).unwrap_or_default();
        Ok(Child { id, state, finished_at, artifacts })
    };
    rows.into_iter().map(child).collect()
}

pub(crate) async fn metrics(
    connection: &mut Connection,
    query: MetricQuery,
) -> Answer<Vec<MetricPoint>> {
    let mut points =
        job_metrics::table.filter(job_metrics::job.eq(Uid(query.job.as_uuid()))).into_boxed();
    if let Some(name) = &query.name {
        points = points.filter(job_metrics::name.eq(text(name)));
    }
    let rows: Vec<MetricRow> = points
        .select(MetricRow::as_select())
        .order((job_metrics::at.desc(), job_metrics::step.desc(), job_metrics::name.desc()))
        .limit(i64::from(query.limit))
        .load(connection)
        .await?;
    Ok(rows.into_iter().rev().map(MetricPoint::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn resources(
    connection: &mut Connection,
    query: ResourceQuery,
) -> Answer<Vec<ResourceSample>> {
    let rows: Vec<ResourceRow> = job_resources::table
        .filter(job_resources::job.eq(Uid(query.job.as_uuid())))
        .select(ResourceRow::as_select())
        .order((job_resources::attempt.desc(), job_resources::at.desc()))
        .limit(i64::from(query.limit))
        .load(connection)
        .await?;
    Ok(rows.into_iter().rev().map(ResourceSample::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn stages(connection: &mut Connection, job: JobId) -> Answer<Vec<StageRecord>> {
    let rows: Vec<StageRow> = job_stages::table
        .filter(job_stages::job.eq(Uid(job.as_uuid())))
        .select(StageRow::as_select())
        .order((job_stages::attempt, job_stages::at, job_stages::percent))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(StageRecord::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn logs(connection: &mut Connection, query: LogQuery) -> Answer<Vec<LogLine>> {
    let mut lines = job_logs::table.filter(job_logs::job.eq(Uid(query.job.as_uuid()))).into_boxed();
    if let Some(part) = &query.contains {
        let pattern = format!("%{}%", escaped(part));
        lines = lines.filter(lower(job_logs::message).like(lower(pattern)).escape('\\'));
    }
    let rows: Vec<LogRow> = lines
        .select(LogRow::as_select())
        .order(job_logs::line.desc())
        .limit(i64::from(query.limit))
        .load(connection)
        .await?;
    Ok(rows.into_iter().rev().map(LogLine::try_from).collect::<Result<_, _>>()?)
}

/// Text as it stands, for a pattern.
fn escaped(part: &str) -> String {
    text(part).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

pub(crate) async fn artifacts(
    connection: &mut Connection,
    job: JobId,
) -> Answer<Vec<ArtifactPointer>> {
    let rows: Vec<ArtifactRow> = job_artifacts::table
        .filter(job_artifacts::job.eq(Uid(job.as_uuid())))
        .select(ArtifactRow::as_select())
        .order((job_artifacts::name, job_artifacts::id))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(ArtifactPointer::try_from).collect::<Result<_, _>>()?)
}

pub(crate) async fn queue_depths(connection: &mut Connection) -> Answer<Vec<QueueDepth>> {
    let counted: Vec<(String, String, i64)> = jobs::table
        .filter(jobs::state.eq_any(ACTIVE))
        .filter(jobs::waiting_on.eq(0))
        .group_by((jobs::queue, jobs::state))
        .select((jobs::queue, jobs::state, count_star()))
        .load(connection)
        .await?;
    let mut depths: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (queue, state, count) in counted {
        let (pending, running) = depths.entry(queue).or_default();
        let of_state = if state == ACTIVE[0] { pending } else { running };
        *of_state = unsigned(count, "count")?;
    }
    let depth = |(queue, (pending, running)): (String, (u64, u64))| {
        let queue = queue.parse().map_err(|_| StoreError::CorruptRow { column: "jobs.queue" })?;
        Ok(QueueDepth { queue, pending, running })
    };
    depths.into_iter().map(depth).collect()
}
