use alphafleet_domain::Job;
use alphafleet_domain::job::FailureCode;

use crate::supervisor::WorkerConfig;

/// How often memory may have run out for this job: all failures count if the last one was of that
/// kind, as only the last one's reason is kept.
pub(crate) fn times_out_of_memory(job: &Job) -> u32 {
    let last = job.last_failure.as_ref().map(|failure| failure.code);
    if last == Some(FailureCode::OutOfMemory) { job.failures.max(1) } else { 0 }
}

/// Half as many as usual for each time that memory ran out.
pub(super) fn threads(config: &WorkerConfig, job: &Job) -> usize {
    config.threads.max(1).checked_shr(times_out_of_memory(job)).unwrap_or(0).max(1)
}

/// What the owner is told about that.
pub(super) fn told(config: &WorkerConfig, job: &Job) -> Option<String> {
    let (usual, fewer) = (config.threads.max(1), threads(config, job));
    match times_out_of_memory(job) {
        0 => None,
        _ if fewer < usual => {
            let what = if fewer == 1 { "one thread" } else { &*format!("{fewer} threads") };
            Some(format!("memory ran out before: works with {what} instead of {usual}"))
        }
        _ => Some("memory ran out before: works with one thread, as before".to_owned()),
    }
}
