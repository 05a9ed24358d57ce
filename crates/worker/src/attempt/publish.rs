use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{LogLine, MetricPoint, Progress};
use alphafleet_domain::ports::EventBus;
use alphafleet_domain::{Clock, EventBody, EventKind, JobId};
use alphafleet_protocol::{LogPayload, MetricsPayload, ProgressPayload};
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
pub(super) struct News {
    /// Entries into stages, then the newest.
    pub progress: Vec<Progress>,
    pub metrics: Vec<MetricPoint>,
    pub logs: Vec<LogLine>,
}

impl Publisher {
    pub async fn publish(&mut self, news: News) {
        for progress in news.progress {
            self.queue(EventKind::Progress, &ProgressPayload(progress.into()));
        }
        if !news.metrics.is_empty() {
            let points = news.metrics.into_iter().map(Into::into).collect();
            self.queue(EventKind::Metrics, &MetricsPayload { points });
        }
        if !news.logs.is_empty() {
            let lines = news.logs.into_iter().map(Into::into).collect();
            self.queue(EventKind::Log, &LogPayload { lines });
        }
        self.send().await;
    }

    fn queue(&mut self, kind: EventKind, payload: &impl Serialize) {
        let payload = serde_json::to_value(payload).unwrap_or(Value::Null);
        if self.unsent.len() == MOST_UNSENT {
            self.unsent.pop_front();
        }
        let (job, attempt, at) = (self.job, self.attempt, self.clock.now());
        self.unsent.push_back(EventBody { job, attempt, kind, at, payload });
    }

    async fn send(&mut self) {
        while let Some(event) = self.unsent.front() {
            match timeout(PATIENCE, self.events.publish(event.clone())).await {
                Ok(Ok(_)) => {
                    self.unsent.pop_front();
                }
                Ok(Err(error)) => {
                    warn!(job = %self.job, %error, "events are published later");
                    return;
                }
                Err(_) => {
                    warn!(job = %self.job, "the event bus is slow; events are published later");
                    return;
                }
            }
        }
    }
}
