use std::time::Duration;

use alphafleet_domain::PageRequest;
use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{JobFilter, StoreError};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use super::sample::{Sample, render_samples};
use crate::gateway::Parts;

type Collector = Box<dyn Fn() -> Vec<Sample> + Send + Sync>;

/// What this gateway counts about itself, and whom it asks for more.
pub(crate) struct Telemetry {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    pub sockets: IntGauge,
    pub sockets_refused: IntCounterVec,
    pub events_relayed: IntCounter,
    pub gaps: IntCounter,
    pub collectors: Vec<Collector>,
}

impl Telemetry {
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("alphafleet_http_requests_total", "Requests answered"),
            &["method", "route", "status"],
        )?;
        let buckets =
            vec![0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let latency = HistogramVec::new(
            HistogramOpts::new(
                "alphafleet_http_request_seconds",
                "Time from a request's head to its answer's",
            )
            .buckets(buckets),
            &["method", "route"],
        )?;
        let sockets = IntGauge::new("alphafleet_sockets", "Open WebSocket connections")?;
        let sockets_refused = IntCounterVec::new(
            Opts::new("alphafleet_sockets_refused_total", "WebSocket connections refused"),
            &["code"],
        )?;
        let events_relayed =
            IntCounter::new("alphafleet_events_relayed_total", "Events handed to a client")?;
        let gaps = IntCounter::new("alphafleet_event_gaps_total", "Gaps told to a client")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(latency.clone()))?;
        registry.register(Box::new(sockets.clone()))?;
        registry.register(Box::new(sockets_refused.clone()))?;
        registry.register(Box::new(events_relayed.clone()))?;
        registry.register(Box::new(gaps.clone()))?;
        let collectors = Vec::new();
        Ok(Self {
            registry,
            requests,
            latency,
            sockets,
            sockets_refused,
            events_relayed,
            gaps,
            collectors,
        })
    }

    pub fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.latency.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }

    /// Everything, in the text format of Prometheus.
    pub async fn render(&self, parts: &Parts) -> Result<String, StoreError> {
        let mut bytes = Vec::new();
        // The encoder only fails on metrics without a name, and writing to memory never does.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut bytes);
        let mut samples = fleet(parts).await?;
        samples.extend(self.collectors.iter().flat_map(|collect| collect()));
        Ok(String::from_utf8_lossy(&bytes).into_owned() + &render_samples(samples))
    }
}

/// What the database knows of the fleet.
async fn fleet(parts: &Parts) -> Result<Vec<Sample>, StoreError> {
    let mut samples = Vec::new();
    for state in StateName::ALL {
        let filter = JobFilter { states: vec![state], ..JobFilter::default() };
        let total = parts.jobs.jobs(&filter, PageRequest::new(1, 0)).await?.total;
        samples.push(
            Sample::gauge("alphafleet_jobs", "Jobs by state", total as f64)
                .with("state", state.as_str()),
        );
    }
    for depth in parts.jobs.queue_depths().await? {
        let queue = depth.queue.to_string();
        let pending = "Jobs of a queue that wait for a worker";
        samples.push(
            Sample::gauge("alphafleet_queue_pending", pending, depth.pending as f64)
                .with("queue", queue.clone()),
        );
        samples.push(
            Sample::gauge("alphafleet_queue_running", "Running jobs", depth.running as f64)
                .with("queue", queue),
        );
    }
    let workers = parts.jobs.workers().await?;
    let slots: u32 = workers.iter().map(|worker| worker.record.slots).sum();
    samples.push(Sample::gauge("alphafleet_workers", "Registered workers", workers.len() as f64));
    samples.push(Sample::gauge("alphafleet_worker_slots", "Their slots", f64::from(slots)));
    Ok(samples)
}
