use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alphafleet_domain::job::{
    LogLevel, LogLine, MetricPoint, Progress, ProgressBatch, ResourceSample,
};
use alphafleet_domain::ports::{ArtifactKey, Recorded};
use alphafleet_domain::{ArtifactPointer, Job, JobId, LeaseId};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::checkpoints::{folder, forget};
use super::pending::Pending;
use super::publish::Publisher;
use crate::supervisor::{BackOff, Order, Orders, Shared};

/// Between two transactions, and at least so long when something is urgent: never more than ten
/// progress events a second.
const USUAL: Duration = Duration::from_millis(200);
const URGENT: Duration = Duration::from_millis(100);
/// Points that may wait for the store; then the child has to wait, as none may be lost.
const MOST_POINTS: usize = 50_000;
/// How often a batch is tried that the store refuses.
const TRIES: u32 = 5;

/// Takes what an attempt says, writes it to the store in batches, and publishes it after that.
pub(super) struct Teller {
    said: Arc<Said>,
    task: JoinSet<Option<ArtifactKey>>,
    job: JobId,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Said {
    pending: Mutex<Pending>,
    changed: Notify,
    taken: Notify,
}

impl Teller {
    /// `pending` is what the attempt has said up to now.
    pub fn start(
        shared: &Arc<Shared>,
        job: &Job,
        lease: LeaseId,
        orders: Orders,
        pending: Pending,
    ) -> Self {
        let pending = Mutex::new(pending);
        let said = Arc::new(Said { pending, changed: Notify::new(), taken: Notify::new() });
        let publisher = Publisher {
            job: job.id,
            attempt: job.attempt,
            events: Arc::clone(&shared.ports.events),
            clock: Arc::clone(&shared.ports.clock),
            unsent: VecDeque::new(),
        };
        let recorder = Recorder {
            shared: Arc::clone(shared),
            said: Arc::clone(&said),
            lease,
            orders,
            publisher,
            job: job.id,
            last_checkpoint: job.checkpoint.as_ref().and_then(|at| folder(job.id, at)),
        };
        let mut task = JoinSet::new();
        task.spawn(recorder.run());
        Self { said, task, job: job.id, shared: Arc::clone(shared) }
    }

    pub fn progress(&self, progress: Progress) {
        let now = self.shared.ports.clock.now();
        self.say(|pending| pending.progress(progress, now));
    }

    pub fn metrics(&self, points: Vec<MetricPoint>) {
        self.say(|pending| pending.metrics(points));
    }

    pub fn resources(&self, sample: ResourceSample) {
        self.say(|pending| pending.resources(sample));
    }

    pub fn log(&self, line: LogLine) {
        self.say(|pending| pending.log(line));
    }

    pub fn note(&self, level: LogLevel, message: impl Into<String>) {
        let (at, message) = (self.shared.ports.clock.now(), message.into());
        self.log(LogLine { at, level, message });
    }

    pub fn checkpoint(&self, pointer: ArtifactPointer) {
        let left_out = self.said.lock().checkpoint(pointer);
        self.said.changed.notify_one();
        if let Some(unseen) = left_out.and_then(|pointer| folder(self.job, &pointer)) {
            forget(&self.shared.ports.artifacts, unseen);
        }
    }

    /// Waits until more may be said; mostly not at all.
    pub async fn room(&self) {
        loop {
            let taken = self.said.taken.notified();
            if self.said.lock().points() < MOST_POINTS {
                return;
            }
            taken.await;
        }
    }

    /// Returns when everything said is written and published, or the lease is lost. Answers the
    /// folder of the checkpoint that was recorded last.
    pub async fn finish(mut self) -> Option<ArtifactKey> {
        self.say(|pending| pending.closed = true);
        match self.task.join_next().await? {
            Ok(last_checkpoint) => last_checkpoint,
            Err(error) => {
                error!(%error, "recording ended badly");
                None
            }
        }
    }

    fn say(&self, add: impl FnOnce(&mut Pending)) {
        add(&mut self.said.lock());
        self.said.changed.notify_one();
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Recorder {
    shared: Arc<Shared>,
    said: Arc<Said>,
    lease: LeaseId,
    orders: Orders,
    publisher: Publisher,
    job: JobId,
    last_checkpoint: Option<ArtifactKey>,
}

impl Recorder {
    async fn run(mut self) -> Option<ArtifactKey> {
        // What is urgent in the beginning is told at once.
        let mut last = Instant::now().checked_sub(URGENT).unwrap_or_else(Instant::now);
        while self.due(last).await {
            let batches = self.said.lock().take(self.shared.ports.clock.now());
            self.said.taken.notify_waiters();
            for (batch, news) in batches {
                last = Instant::now();
                match self.record(&batch).await {
                    Some(Recorded::Written) => {
                        self.replace_checkpoint(batch.checkpoint.as_ref());
                        self.publisher.publish(news).await;
                    }
                    Some(Recorded::Fenced) => {
                        self.orders.fence();
                        return None;
                    }
                    None => {}
                }
            }
        }
        self.last_checkpoint
    }

    /// Waits until there is something to write and it is time; `false` when all is written.
    async fn due(&self, last: Instant) -> bool {
        loop {
            let (empty, urgent, closed) = {
                let pending = self.said.lock();
                (pending.is_empty(), pending.is_urgent(), pending.closed)
            };
            match (empty, closed) {
                (true, true) => return false,
                (true, false) => self.said.changed.notified().await,
                (false, true) => return true,
                (false, false) => {
                    let wait = if urgent { URGENT } else { USUAL };
                    tokio::select! {
                        () = sleep_until(last + wait) => return true,
                        () = self.said.changed.notified() => {}
                    }
                }
            }
        }
    }

    /// `None` if the store refuses the batch for good.
    async fn record(&mut self, batch: &ProgressBatch) -> Option<Recorded> {
        let mut back_off = BackOff::default();
        let mut refusals = 0;
        loop {
            tokio::select! {
                _ = self.orders.at_least(Order::Fenced) => return Some(Recorded::Fenced),
                () = self.shared.standing.secure() => {}
            }
            match self.shared.ports.store.record(self.lease, batch).await {
                Ok(recorded) => return Some(recorded),
                Err(error) if error.is_retryable() => {
                    if back_off.tries() == 0 {
                        warn!(lease = %self.lease, %error, "progress waits for the store");
                    }
                }
                Err(error) => {
                    refusals += 1;
                    error!(lease = %self.lease, %error, "the store refuses a batch of progress");
                    if refusals > TRIES {
                        return None;
                    }
                }
            }
            back_off.wait().await;
        }
    }

    /// The checkpoint before the newest is of no use to anybody.
    fn replace_checkpoint(&mut self, newest: Option<&ArtifactPointer>) {
        let Some(newest) = newest.and_then(|pointer| folder(self.job, pointer)) else { return };
        if let Some(old) = self.last_checkpoint.replace(newest) {
            forget(&self.shared.ports.artifacts, old);
        }
    }
}
