use std::time::Duration;

use alphafleet_domain::job::{LogLine, MetricPoint, ProgressBatch, ResourceSample, StageRecord};
use alphafleet_domain::ports::{
    Beat, BeatAnswer, CancelAnswer, Child, Claim, Expired, IdempotencyKey, JobFilter, JobStore,
    LogQuery, MetricQuery, OutboxEntry, QueueDepth, Recorded, ResourceQuery, Settled, Settlement,
    StoreError, Submission, SubmitError, Submitted, WorkerRecord, WorkerRow,
};
use alphafleet_domain::{
    ArtifactPointer, AuditRecord, Job, JobId, LeaseId, OutboxId, Page, PageRequest, UserId,
    WorkerId,
};
use async_trait::async_trait;

use crate::Store;
use crate::store::{read, write};

#[async_trait]
impl JobStore for Store {
    async fn submit_all(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Submitted>, SubmitError> {
        write!(self, |connection, q| q::jobs::submit::submit(connection, submissions))?
    }

    async fn submitted(
        &self,
        owner: UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<Job>, SubmitError> {
        let key = key.clone();
        read!(self, |connection, q| q::jobs::submit::submitted(connection, owner, key))?
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        read!(self, |connection, q| q::jobs::read::job(connection, id))
    }

    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>, StoreError> {
        let filter = filter.clone();
        read!(self, |connection, q| q::jobs::read::page(connection, filter, page))
    }

    async fn children(&self, parent: JobId) -> Result<Vec<Child>, StoreError> {
        read!(self, |connection, q| q::jobs::read::children(connection, parent))
    }

    async fn request_cancel(
        &self,
        id: JobId,
        audit: AuditRecord,
    ) -> Result<CancelAnswer, StoreError> {
        write!(self, |connection, q| q::jobs::cancel::request(connection, id, audit))
    }

    async fn claim_many(&self, claim: &Claim, limit: u32) -> Result<Vec<Job>, StoreError> {
        let claim = claim.clone();
        write!(self, |connection, q| q::jobs::claim::claim(connection, claim, limit))
    }

    async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, StoreError> {
        let beat = beat.clone();
        write!(self, |connection, q| q::jobs::beat::beat(connection, beat))
    }

    async fn record(&self, lease: LeaseId, batch: &ProgressBatch) -> Result<Recorded, StoreError> {
        let batch = batch.clone();
        write!(self, |connection, q| q::jobs::record::record(connection, lease, batch))
    }

    async fn settle_all(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        write!(self, |connection, q| q::jobs::settle::settle(connection, settlements))
    }

    async fn expire(&self, window: Duration) -> Result<Vec<Expired>, StoreError> {
        write!(self, |connection, q| q::jobs::expire::expire(connection, window))
    }

    async fn take_due(&self, limit: u32) -> Result<Vec<Job>, StoreError> {
        write!(self, |connection, q| q::jobs::due::take(connection, limit))
    }

    async fn take_outbox(
        &self,
        job: Option<JobId>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        write!(self, |connection, q| q::outbox::take(connection, job, limit, lease))
    }

    async fn outbox_done(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        write!(self, |connection, q| q::outbox::done(connection, ids))
    }

    async fn metrics(&self, query: &MetricQuery) -> Result<Vec<MetricPoint>, StoreError> {
        let query = query.clone();
        read!(self, |connection, q| q::jobs::read::metrics(connection, query))
    }

    async fn stages(&self, job: JobId) -> Result<Vec<StageRecord>, StoreError> {
        read!(self, |connection, q| q::jobs::read::stages(connection, job))
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<LogLine>, StoreError> {
        let query = query.clone();
        read!(self, |connection, q| q::jobs::read::logs(connection, query))
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<ResourceSample>, StoreError> {
        let query = query.clone();
        read!(self, |connection, q| q::jobs::read::resources(connection, query))
    }

    async fn artifacts(&self, job: JobId) -> Result<Vec<ArtifactPointer>, StoreError> {
        read!(self, |connection, q| q::jobs::read::artifacts(connection, job))
    }

    async fn register_worker(&self, worker: &WorkerRecord) -> Result<(), StoreError> {
        let worker = worker.clone();
        write!(self, |connection, q| q::workers::register(connection, worker))
    }

    async fn deregister_worker(&self, worker: WorkerId) -> Result<(), StoreError> {
        write!(self, |connection, q| q::workers::deregister(connection, worker))
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        read!(self, |connection, q| q::workers::all(connection))
    }

    async fn queue_depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        read!(self, |connection, q| q::jobs::read::queue_depths(connection))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |connection, q| q::ping(connection, crate::migrations::NEWEST))
    }
}
