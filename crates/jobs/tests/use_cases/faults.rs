//! Real adapters whose connection can be cut, or made to hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use alphafleet_domain::job::{LogLine, MetricPoint, ProgressBatch, ResourceSample, StageRecord};
use alphafleet_domain::ports::*;
use alphafleet_domain::*;
use async_trait::async_trait;

/// An adapter behind a line that can fail. Clones share the line.
#[derive(Clone)]
pub struct Line<T> {
    inner: T,
    state: Arc<AtomicU8>,
}

const UP: u8 = 0;
const DOWN: u8 = 1;
const HANGS: u8 = 2;

impl<T> Line<T> {
    pub fn new(inner: T) -> Self {
        Self { inner, state: Arc::new(AtomicU8::new(UP)) }
    }

    pub fn cut(&self) {
        self.state.store(DOWN, Ordering::SeqCst);
    }

    pub fn hang(&self) {
        self.state.store(HANGS, Ordering::SeqCst);
    }

    pub fn mend(&self) {
        self.state.store(UP, Ordering::SeqCst);
    }

    pub fn inner(&self) -> &T {
        &self.inner
    }

    async fn pass(&self) -> Result<&T, Box<dyn std::error::Error + Send + Sync>> {
        match self.state.load(Ordering::SeqCst) {
            UP => Ok(&self.inner),
            HANGS => std::future::pending().await,
            _ => Err("the line is cut".into()),
        }
    }
}

#[async_trait]
impl<T: Broker> Broker for Line<T> {
    async fn publish(&self, ticket: Ticket) -> Result<(), BrokerError> {
        self.pass().await.map_err(BrokerError::Unavailable)?.publish(ticket).await
    }

    async fn consume(
        &self,
        queues: &[Queue],
        prefetch: u16,
    ) -> Result<Box<dyn TicketConsumer>, BrokerError> {
        self.pass().await.map_err(BrokerError::Unavailable)?.consume(queues, prefetch).await
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.pass().await.map_err(BrokerError::Unavailable)?.ping().await
    }
}

#[async_trait]
impl<T: EventBus> EventBus for Line<T> {
    async fn publish(&self, event: EventBody) -> Result<Published, EventsError> {
        self.pass().await.map_err(EventsError::Unavailable)?.publish(event).await
    }

    async fn subscribe(
        &self,
        job: JobId,
        cursor: Option<Cursor>,
    ) -> Result<Box<dyn Subscription>, EventsError> {
        self.pass().await.map_err(EventsError::Unavailable)?.subscribe(job, cursor).await
    }

    async fn latest(&self, job: JobId) -> Result<Option<Cursor>, EventsError> {
        self.pass().await.map_err(EventsError::Unavailable)?.latest(job).await
    }

    async fn ping(&self) -> Result<(), EventsError> {
        self.pass().await.map_err(EventsError::Unavailable)?.ping().await
    }
}

macro_rules! job_store {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<T: JobStore> JobStore for Line<T> {
            async fn submit_all(
                &self,
                submissions: Vec<Submission>,
            ) -> Result<Vec<Submitted>, SubmitError> {
                self.pass().await.map_err(StoreError::Unavailable)?.submit_all(submissions).await
            }

            async fn submitted(
                &self,
                owner: UserId,
                key: &IdempotencyKey,
            ) -> Result<Option<Job>, SubmitError> {
                self.pass().await.map_err(StoreError::Unavailable)?.submitted(owner, key).await
            }

            $(async fn $name(&self, $($argument: $kind),*) -> Result<$answer, StoreError> {
                self.pass().await.map_err(StoreError::Unavailable)?.$name($($argument),*).await
            })*
        }
    };
}

job_store! {
    fn job(id: JobId) -> Option<Job>;
    fn jobs(filter: &JobFilter, page: PageRequest) -> Page<Job>;
    fn children(parent: JobId) -> Vec<Child>;
    fn request_cancel(id: JobId, audit: AuditRecord) -> CancelAnswer;
    fn claim_many(claim: &Claim, limit: u32) -> Vec<Job>;
    fn beat(beat: &Beat) -> BeatAnswer;
    fn record(lease: LeaseId, batch: &ProgressBatch) -> Recorded;
    fn settle_all(settlements: Vec<Settlement>) -> Vec<Settled>;
    fn resources(query: &ResourceQuery) -> Vec<ResourceSample>;
    fn expire(window: Duration) -> Vec<Expired>;
    fn take_due(limit: u32) -> Vec<Job>;
    fn take_outbox(job: Option<JobId>, limit: u32, lease: Duration) -> Vec<OutboxEntry>;
    fn outbox_done(ids: &[OutboxId]) -> ();
    fn metrics(query: &MetricQuery) -> Vec<MetricPoint>;
    fn stages(job: JobId) -> Vec<StageRecord>;
    fn logs(query: &LogQuery) -> Vec<LogLine>;
    fn artifacts(job: JobId) -> Vec<ArtifactPointer>;
    fn register_worker(worker: &WorkerRecord) -> ();
    fn deregister_worker(worker: WorkerId) -> ();
    fn workers() -> Vec<WorkerRow>;
    fn queue_depths() -> Vec<QueueDepth>;
    fn ping() -> ();
}
