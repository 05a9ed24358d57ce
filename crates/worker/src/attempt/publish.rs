use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{LogLine, MetricPoint, Progress, ResourceSample};
use alphafleet_domain::ports::EventBus;
use alphafleet_domain::{Clock, EventBody, EventKind, Instant, JobId};
use alphafleet_protocol::{LogPayload, MetricsPayload, ProgressPayload, ResourcesPayload};
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use tracing::warn;

const PATIENCE: Duration = Duration::from_secs(2);
/// What may wait while the bus is away; the database has it all.
const MOST_UNSENT: usize = 512;

/// Tells the event bus what the store has taken. What it cannot take is kept, in order, for the
/// next time.
pub(super) struct Publisher {
    pub job: JobId,
    pub attempt: u32,
    pub events: Arc<dyn EventBus>,
    pub clock: Arc<dyn Clock>,
    pub unsent: VecDeque<EventBody>,
}

/// What one batch says.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Entries into stages, then the newest.
    pub progress: Vec<Progress>,
    pub metrics: Vec<MetricPoint>,
    pub logs: Vec<LogLine>,
    pub resources: Vec<ResourceSample>,
}

impl News {
    pub fn into_events(self, job: JobId, attempt: u32, at: Instant) -> Vec<EventBody> {
        let mut events = Vec::new();
        let mut add = |kind, payload| {
            events.push(EventBody { job, outbox: None, attempt, kind, at, payload });
        };
        for progress in self.progress {
            add(EventKind::Progress, value(&ProgressPayload(progress.into())));
        }
        if !self.metrics.is_empty() {
            let points = self.metrics.into_iter().map(Into::into).collect();
            add(EventKind::Metrics, value(&MetricsPayload { points }));
        }
        if !self.logs.is_empty() {
            let lines = self.logs.into_iter().map(Into::into).collect();
            add(EventKind::Log, value(&LogPayload { lines }));
        }
        if !self.resources.is_empty() {
            let samples = self.resources.into_iter().map(Into::into).collect();
            add(EventKind::Resources, value(&ResourcesPayload { samples }));
        }
        events
    }
}

fn value(payload: &impl Serialize) -> Value {
    serde_json::to_value(payload).unwrap_or(Value::Null)
}

impl Publisher {
    pub async fn publish(&mut self, news: News) {
        self.unsent.extend(news.into_events(self.job, self.attempt, self.clock.now()));
        let surplus = self.unsent.len().saturating_sub(MOST_UNSENT);
        self.unsent.drain(..surplus);
        if self.unsent.is_empty() {
            return;
        }
        let events = self.unsent.iter().cloned().collect();
        let published = publish_all(&*self.events, events).await;
        self.unsent.drain(..published.min(self.unsent.len()));
    }
}

/// Publishes in order until one fails, and answers how many went out.
pub(crate) async fn publish_all(events: &dyn EventBus, news: Vec<EventBody>) -> usize {
    match timeout(PATIENCE, events.publish_all(news)).await {
        Ok((published, Ok(()))) => published.len(),
        Ok((published, Err(error))) => {
            warn!(%error, "events of running jobs are held up");
            published.len()
        }
        Err(_) => {
            warn!("the event bus is slow; events of running jobs are held up");
            0
        }
    }
}
