//! What parts have counted, for `/metrics`.

use std::sync::atomic::Ordering;

use alphafleet_gateway::Sample;
use alphafleet_jobs::RetentionStats;
use alphafleet_worker::WorkerStats;

pub(crate) fn worker(stats: &WorkerStats) -> Vec<Sample> {
    let sample = |(name, value): (&'static str, u64)| {
        let (metric, help) = ("alphafleet_worker_events_total", "What the worker has counted.");
        Sample::counter(metric, help, value as f64).with("event", name)
    };
    stats.snapshot().into_iter().map(sample).collect()
}

pub(crate) fn retention(stats: &RetentionStats) -> Vec<Sample> {
    let (metric, help) = ("alphafleet_removed_total", "What is no longer kept and was removed.");
    let sample =
        |what: &str, value: u64| Sample::counter(metric, help, value as f64).with("what", what);
    vec![
        sample("rows", stats.rows.load(Ordering::Relaxed)),
        sample("files", stats.files.load(Ordering::Relaxed)),
    ]
}
