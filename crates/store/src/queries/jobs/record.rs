use alphafleet_domain::LeaseId;
use alphafleet_domain::job::{Progress, ProgressBatch};
use alphafleet_domain::ports::Recorded;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;

use super::Connection;
use crate::error::Answer;
use crate::rows::{LogRow, MetricRow, ResourceRow, StageRow, bounded, document, saturating};
use crate::schema::{job_logs, job_metrics, job_resources, job_stages, jobs};
use crate::values::Uid;

/// A job keeps this many of its newest lines.
const MAX_LOG_LINES: i64 = 10_000;

pub(crate) async fn record(
    connection: &mut Connection,
    lease: LeaseId,
    batch: ProgressBatch,
) -> Answer<Recorded> {
    let held = jobs::table.filter(jobs::lease.eq(Uid(lease.as_uuid()))).select(jobs::id);
    let Some(job) = locking_weakly!(held).get_result::<Uid>(connection).await.optional()? else {
        return Ok(Recorded::Fenced);
    };
    if let Some(progress) = &batch.progress {
        diesel::update(jobs::table.find(job))
            .set(jobs::progress.eq(document(&tamed(progress))))
            .execute(connection)
            .await?;
    }
    if let Some(checkpoint) = &batch.checkpoint {
        diesel::update(jobs::table.find(job))
            .set(jobs::checkpoint.eq(document(checkpoint)))
            .execute(connection)
            .await?;
    }
    write_all(connection, vec![(job, &batch)]).await?;
    Ok(Recorded::Written)
}

/// Writes the series of jobs that the transaction has locked; what stands in a job's own row is
/// the caller's.
pub(super) async fn write_all(
    connection: &mut Connection,
    batches: Vec<(Uid, &ProgressBatch)>,
) -> Answer<()> {
    write_stages(connection, &batches).await?;
    write_metrics(connection, &batches).await?;
    write_resources(connection, &batches).await?;
    for (job, batch) in batches {
        write_logs(connection, job, batch).await?;
    }
    Ok(())
}

/// A document holds no NaN.
pub(super) fn tamed(progress: &Progress) -> Progress {
    Progress { percent: bounded(progress.percent), ..progress.clone() }
}

type Batches<'a> = [(Uid, &'a ProgressBatch)];

async fn write_stages(connection: &mut Connection, batches: &Batches<'_>) -> Answer<()> {
    let of_job = |&(job, batch): &(Uid, &ProgressBatch)| {
        batch.stages.iter().map(|record| StageRow::new(job, record)).collect::<Vec<_>>()
    };
    let rows: Vec<StageRow> = batches.iter().flat_map(of_job).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_stages::table)
        .values(row)
        .on_conflict_do_nothing());
    Ok(())
}

async fn write_resources(connection: &mut Connection, batches: &Batches<'_>) -> Answer<()> {
    let of_job = |&(job, batch): &(Uid, &ProgressBatch)| {
        batch.resources.iter().map(|sample| ResourceRow::new(job, sample)).collect::<Vec<_>>()
    };
    let rows: Vec<ResourceRow> = batches.iter().flat_map(of_job).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_resources::table)
        .values(row)
        .on_conflict_do_nothing());
    Ok(())
}

async fn write_metrics(connection: &mut Connection, batches: &Batches<'_>) -> Answer<()> {
    let rows: Vec<MetricRow> =
        batches.iter().flat_map(|(job, batch)| last_words(*job, batch)).collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_metrics::table)
        .values(row)
        .on_conflict((job_metrics::job, job_metrics::name, job_metrics::step))
        .do_update()
        .set((
            job_metrics::value.eq(excluded(job_metrics::value)),
            job_metrics::at.eq(excluded(job_metrics::at)),
        )));
    Ok(())
}

/// One statement cannot write a row twice: the last word on a step counts.
fn last_words(job: Uid, batch: &ProgressBatch) -> Vec<MetricRow> {
    let mut points: Vec<_> = batch.metrics.iter().collect();
    points.reverse();
    let mut seen = std::collections::HashSet::new();
    points.retain(|point| seen.insert((point.name.as_str(), point.step)));
    points.reverse();
    points.into_iter().map(|point| MetricRow::new(job, point)).collect()
}

async fn write_logs(connection: &mut Connection, job: Uid, batch: &ProgressBatch) -> Answer<()> {
    if batch.logs.is_empty() {
        return Ok(());
    }
    let added = saturating(batch.logs.len());
    let lines: i64 = diesel::update(jobs::table.find(job))
        .set(jobs::log_lines.eq(jobs::log_lines + added))
        .returning(jobs::log_lines)
        .get_result(connection)
        .await?;
    let rows: Vec<LogRow> = (lines - added + 1..)
        .zip(&batch.logs)
        .skip_while(|(number, _)| *number <= lines - MAX_LOG_LINES)
        .map(|(number, line)| LogRow::new(job, number, line))
        .collect();
    insert_all!(connection, rows, |row| diesel::insert_into(job_logs::table).values(row));
    diesel::delete(
        job_logs::table
            .filter(job_logs::job.eq(job))
            .filter(job_logs::line.le(lines - MAX_LOG_LINES)),
    )
    .execute(connection)
    .await?;
    Ok(())
}
