//! The real store behind a connection that fails when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
use alphafleet_store::Store;
use async_trait::async_trait;

pub struct Flaky {
    pub store: Arc<Store>,
    /// Nothing reaches the database.
    pub away: AtomicBool,
    /// So many claims and settlings are done, but their answers lost.
    pub lost_claims: AtomicU32,
    pub lost_settlings: AtomicU32,
    pub records: AtomicU32,
    /// So many records are refused, though the database is there.
    pub refused_records: AtomicU32,
}

impl Flaky {
    pub fn new(store: Arc<Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            away: AtomicBool::new(false),
            lost_claims: AtomicU32::new(0),
            lost_settlings: AtomicU32::new(0),
            records: AtomicU32::new(0),
            refused_records: AtomicU32::new(0),
        })
    }

    fn reach(&self) -> Result<&Store, StoreError> {
        if self.away.load(Ordering::SeqCst) { Err(unavailable()) } else { Ok(&self.store) }
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("pulled the plug".into())
}

fn lose(answers: &AtomicU32) -> bool {
    answers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

#[async_trait]
impl JobStore for Flaky {
    async fn submit_all(
        &self,
        submissions: Vec<Submission>,
    ) -> Result<Vec<Submitted>, SubmitError> {
        self.reach()?.submit_all(submissions).await
    }

    async fn submitted(
        &self,
        owner: UserId,
        key: &IdempotencyKey,
    ) -> Result<Option<Job>, SubmitError> {
        self.reach()?.submitted(owner, key).await
    }

    async fn children(&self, parent: JobId) -> Result<Vec<Child>, StoreError> {
        self.reach()?.children(parent).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.reach()?.job(id).await
    }

    async fn jobs(&self, filter: &JobFilter, page: PageRequest) -> Result<Page<Job>, StoreError> {
        self.reach()?.jobs(filter, page).await
    }

    async fn request_cancel(
        &self,
        id: JobId,
        audit: AuditRecord,
    ) -> Result<CancelAnswer, StoreError> {
        self.reach()?.request_cancel(id, audit).await
    }

    async fn claim_many(&self, claim: &Claim, limit: u32) -> Result<Vec<Job>, StoreError> {
        let claimed = self.reach()?.claim_many(claim, limit).await?;
        if !claimed.is_empty() && lose(&self.lost_claims) {
            return Err(unavailable());
        }
        Ok(claimed)
    }

    async fn beat(&self, beat: &Beat) -> Result<BeatAnswer, StoreError> {
        self.reach()?.beat(beat).await
    }

    async fn record(&self, lease: LeaseId, batch: &ProgressBatch) -> Result<Recorded, StoreError> {
        let store = self.reach()?;
        if lose(&self.refused_records) {
            return Err(StoreError::Database("not this one".into()));
        }
        let recorded = store.record(lease, batch).await;
        self.records.fetch_add(1, Ordering::SeqCst);
        recorded
    }

    async fn settle_all(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        let settled = self.reach()?.settle_all(settlements).await?;
        if lose(&self.lost_settlings) { Err(unavailable()) } else { Ok(settled) }
    }

    async fn expire(&self, window: Duration) -> Result<Vec<Expired>, StoreError> {
        self.reach()?.expire(window).await
    }

    async fn take_due(&self, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.reach()?.take_due(limit).await
    }

    async fn take_outbox(
        &self,
        job: Option<JobId>,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.reach()?.take_outbox(job, limit, lease).await
    }

    async fn outbox_done(&self, ids: &[OutboxId]) -> Result<(), StoreError> {
        self.reach()?.outbox_done(ids).await
    }

    async fn metrics(&self, query: &MetricQuery) -> Result<Vec<MetricPoint>, StoreError> {
        self.reach()?.metrics(query).await
    }

    async fn stages(&self, job: JobId) -> Result<Vec<StageRecord>, StoreError> {
        self.reach()?.stages(job).await
    }

    async fn logs(&self, query: &LogQuery) -> Result<Vec<LogLine>, StoreError> {
        self.reach()?.logs(query).await
    }

    async fn resources(&self, query: &ResourceQuery) -> Result<Vec<ResourceSample>, StoreError> {
        self.reach()?.resources(query).await
    }

    async fn artifacts(&self, job: JobId) -> Result<Vec<ArtifactPointer>, StoreError> {
        self.reach()?.artifacts(job).await
    }

    async fn register_worker(&self, worker: &WorkerRecord) -> Result<(), StoreError> {
        self.reach()?.register_worker(worker).await
    }

    async fn deregister_worker(&self, worker: WorkerId) -> Result<(), StoreError> {
        self.reach()?.deregister_worker(worker).await
    }

    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError> {
        self.reach()?.workers().await
    }

    async fn queue_depths(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.reach()?.queue_depths().await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        JobStore::ping(self.reach()?).await
    }
}
