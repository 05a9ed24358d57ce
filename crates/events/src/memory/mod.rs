mod limits;
mod stream;
mod subscription;
mod weight;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::ports::{EventBus, EventsError, Published, Subscription};
use alphafleet_domain::{Cursor, EventBody, Instant, JobId};
use async_trait::async_trait;

pub use limits::StreamLimits;
use stream::Stream;
use subscription::MemorySubscription;

/// The streams of one process. Clones share one bus.
#[derive(Debug, Clone)]
pub struct MemoryEventBus {
    limits: StreamLimits,
    streams: Arc<Mutex<Streams>>,
}

#[derive(Debug)]
struct Streams {
    by_job: HashMap<JobId, Arc<Stream>>,
    next_epoch: u64,
    closed: bool,
}

impl MemoryEventBus {
    /// `started_at` numbers the epochs: a bus that starts later has later ones, so that no cursor
    /// of an earlier process is mistaken for one of this.
    pub fn new(limits: StreamLimits, started_at: Instant) -> Self {
        let next_epoch = u64::try_from(started_at.timestamp_micros()).unwrap_or_default();
        let streams = Streams { by_job: HashMap::new(), next_epoch, closed: false };
        Self { limits, streams: Arc::new(Mutex::new(streams)) }
    }

    /// Drops the streams that nobody follows and that are idle for longer than the limits say.
    /// Answers how many went. To be called from time to time.
    pub fn sweep(&self, now: Instant) -> usize {
        let mut streams = self.lock();
        let before = streams.by_job.len();
        // Places in a stream are only handed out under this lock: whoever is alone stays alone.
        streams.by_job.retain(|_, stream| {
            Arc::strong_count(stream) > 1 || !stream.is_stale(now, &self.limits)
        });
        before - streams.by_job.len()
    }

    /// How many streams are held.
    pub fn streams(&self) -> usize {
        self.lock().by_job.len()
    }

    /// Ends every subscription, after what it has not read yet, and refuses everything else.
    pub fn close(&self) {
        let mut streams = self.lock();
        streams.closed = true;
        for (_, stream) in streams.by_job.drain() {
            stream.close();
        }
    }

    fn stream(&self, job: JobId, now: Option<Instant>) -> Result<Arc<Stream>, EventsError> {
        let mut streams = self.lock();
        if streams.closed {
            return Err(EventsError::Closed);
        }
        let Streams { by_job, next_epoch, .. } = &mut *streams;
        Ok(match by_job.entry(job) {
            Entry::Occupied(held) => Arc::clone(held.get()),
            Entry::Vacant(free) => {
                let epoch = *next_epoch;
                *next_epoch += 1;
                Arc::clone(free.insert(Arc::new(Stream::new(epoch, now))))
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventBus for MemoryEventBus {
    async fn publish(&self, event: EventBody) -> Result<Published, EventsError> {
        let stream = self.stream(event.job, Some(event.at))?;
        stream.append(event, &self.limits)
    }

    async fn subscribe(
        &self,
        job: JobId,
        cursor: Option<Cursor>,
    ) -> Result<Box<dyn Subscription>, EventsError> {
        Ok(Box::new(MemorySubscription::new(self.stream(job, None)?, cursor)))
    }

    async fn latest(&self, job: JobId) -> Result<Option<Cursor>, EventsError> {
        let streams = self.lock();
        if streams.closed {
            return Err(EventsError::Closed);
        }
        Ok(streams.by_job.get(&job).and_then(|stream| stream.latest()))
    }

    async fn ping(&self) -> Result<(), EventsError> {
        if self.lock().closed { Err(EventsError::Closed) } else { Ok(()) }
    }
}
