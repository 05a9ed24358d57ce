use alphafleet_domain::job::{LogLine, MetricPoint, ResourceSample, StageRecord};
use alphafleet_domain::ports::{OutboxEntry, StoreError};
use alphafleet_domain::{ArtifactId, ArtifactPointer, EventBody, JobId, OutboxId};
use diesel::prelude::*;

use super::read::{named, saturating, unsigned};
use crate::schema::{
    job_artifacts, job_attempts, job_logs, job_metrics, job_resources, job_stages, outbox,
};
use crate::values::{At, Json, Uid, text};

/// Longer lines are cut, so that a job's log has a bound in bytes too.
const MAX_LINE_BYTES: usize = 8 * 1024;

#[derive(Insertable)]
#[diesel(table_name = job_attempts)]
pub(crate) struct AttemptRow {
    pub lease: Uid,
    pub job: Uid,
    pub attempt: i64,
    pub worker: Uid,
    pub started_at: At,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_stages)]
pub(crate) struct StageRow {
    job: Uid,
    attempt: i64,
    stage: String,
    percent: f64,
    at: At,
}

impl StageRow {
    pub fn new(job: Uid, record: &StageRecord) -> Self {
        Self {
            job,
            attempt: i64::from(record.attempt),
            stage: text(&record.stage),
            percent: bounded(record.percent),
            at: At(record.at),
        }
    }
}

/// A percentage that every column and document can hold.
pub(crate) fn bounded(percent: f64) -> f64 {
    if percent.is_nan() { 0.0 } else { percent.clamp(0.0, 100.0) }
}

impl TryFrom<StageRow> for StageRecord {
    type Error = StoreError;

    fn try_from(row: StageRow) -> Result<Self, StoreError> {
        Ok(Self {
            attempt: unsigned(row.attempt, "job_stages.attempt")?,
            stage: row.stage,
            percent: row.percent,
            at: row.at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_metrics, treat_none_as_default_value = false)]
pub(crate) struct MetricRow {
    job: Uid,
    name: String,
    step: i64,
    value: Option<f64>,
    at: At,
}

impl MetricRow {
    pub fn new(job: Uid, point: &MetricPoint) -> Self {
        Self {
            job,
            name: text(&point.name),
            step: saturating(point.step),
            value: (!point.value.is_nan()).then_some(point.value),
            at: At(point.at),
        }
    }
}

impl TryFrom<MetricRow> for MetricPoint {
    type Error = StoreError;

    fn try_from(row: MetricRow) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.name,
            step: unsigned(row.step, "job_metrics.step")?,
            value: row.value.unwrap_or(f64::NAN),
            at: row.at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_logs)]
pub(crate) struct LogRow {
    job: Uid,
    line: i64,
    at: At,
    level: String,
    message: String,
}

impl LogRow {
    pub fn new(job: Uid, number: i64, line: &LogLine) -> Self {
        let end = line.message.floor_char_boundary(MAX_LINE_BYTES);
        Self {
            job,
            line: number,
            at: At(line.at),
            level: line.level.as_str().to_owned(),
            message: text(&line.message[..end]),
        }
    }
}

impl TryFrom<LogRow> for LogLine {
    type Error = StoreError;

    fn try_from(row: LogRow) -> Result<Self, StoreError> {
        Ok(Self { at: row.at.0, level: named(row.level, "job_logs.level")?, message: row.message })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_resources)]
pub(crate) struct ResourceRow {
    job: Uid,
    attempt: i64,
    at: At,
    cpu_percent: f64,
    memory_bytes: i64,
    read_bytes: i64,
    written_bytes: i64,
}

impl ResourceRow {
    pub fn new(job: Uid, sample: &ResourceSample) -> Self {
        let finite = if sample.cpu_percent.is_finite() { sample.cpu_percent } else { 0.0 };
        Self {
            job,
            attempt: i64::from(sample.attempt),
            at: At(sample.at),
            cpu_percent: finite,
            memory_bytes: saturating(sample.memory_bytes),
            read_bytes: saturating(sample.read_bytes),
            written_bytes: saturating(sample.written_bytes),
        }
    }
}

impl TryFrom<ResourceRow> for ResourceSample {
    type Error = StoreError;

    fn try_from(row: ResourceRow) -> Result<Self, StoreError> {
        Ok(Self {
            attempt: unsigned(row.attempt, "job_resources.attempt")?,
            at: row.at.0,
            cpu_percent: row.cpu_percent,
            memory_bytes: unsigned(row.memory_bytes, "job_resources.memory_bytes")?,
            read_bytes: unsigned(row.read_bytes, "job_resources.read_bytes")?,
            written_bytes: unsigned(row.written_bytes, "job_resources.written_bytes")?,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_artifacts)]
pub(crate) struct ArtifactRow {
    id: Uid,
    job: Uid,
    kind: String,
    name: String,
    object_key: String,
    bytes: i64,
    sha256: String,
}

impl ArtifactRow {
    pub fn new(job: JobId, pointer: &ArtifactPointer) -> Self {
        Self {
            id: Uid(pointer.id.as_uuid()),
            job: Uid(job.as_uuid()),
            kind: pointer.kind.as_str().to_owned(),
            name: text(&pointer.name),
            object_key: text(&pointer.key),
            bytes: saturating(pointer.bytes),
            sha256: text(&pointer.sha256),
        }
    }
}

impl TryFrom<ArtifactRow> for ArtifactPointer {
    type Error = StoreError;

    fn try_from(row: ArtifactRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ArtifactId::from_uuid(row.id.0),
            kind: named(row.kind, "job_artifacts.kind")?,
            name: row.name,
            key: row.object_key,
            bytes: unsigned(row.bytes, "job_artifacts.bytes")?,
            sha256: row.sha256,
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = outbox)]
pub(crate) struct NewOutboxRow {
    job: Uid,
    attempt: i64,
    kind: String,
    at: At,
    payload: Json,
}

impl From<EventBody> for NewOutboxRow {
    fn from(event: EventBody) -> Self {
        Self {
            job: Uid(event.job.as_uuid()),
            attempt: i64::from(event.attempt),
            kind: event.kind.as_str().to_owned(),
            at: At(event.at),
            payload: Json::new(event.payload),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
pub(crate) struct OutboxRow {
    pub id: i64,
    job: Uid,
    attempt: i64,
    kind: String,
    at: At,
    payload: Json,
}

impl TryFrom<OutboxRow> for OutboxEntry {
    type Error = StoreError;

    fn try_from(row: OutboxRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: OutboxId(row.id),
            event: EventBody {
                job: JobId::from_uuid(row.job.0),
                outbox: Some(OutboxId(row.id)),
                attempt: unsigned(row.attempt, "outbox.attempt")?,
                kind: named(row.kind, "outbox.kind")?,
                at: row.at.0,
                payload: row.payload.0,
            },
        })
    }
}
