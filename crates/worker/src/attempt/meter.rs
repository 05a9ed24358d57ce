use std::time::Duration;

use alphafleet_domain::Instant as Moment;
use alphafleet_domain::job::{Failure, FailureCode, ResourceSample};
use tokio::time::Instant;

use crate::process::{ProcessGroup, ProcessTable, Usage};

/// Between two samples; also how long an attempt lives without one.
const SAMPLE: Duration = Duration::from_secs(1);
/// Between two looks at the memory where it is limited.
const GUARD: Duration = Duration::from_millis(250);

/// Measures what the process group of an attempt uses, and watches its limit.
pub(super) struct Meter {
    table: ProcessTable,
    group: ProcessGroup,
    attempt: u32,
    memory_limit: Option<u64>,
    /// The last sample, or the beginning.
    before: (Instant, Usage),
    look_at: Instant,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub sample: Option<ResourceSample>,
    /// The group took more memory than it may.
    pub failure: Option<Failure>,
}

impl Meter {
    pub fn start(
        table: ProcessTable,
        group: ProcessGroup,
        attempt: u32,
        memory_limit: Option<u64>,
    ) -> Self {
        let now = Instant::now();
        let before = (now, Usage::of_leader(group));
        let wait = if memory_limit.is_some() { GUARD } else { SAMPLE };
        Self { table, group, attempt, memory_limit, before, look_at: now + wait }
    }

    /// When to look again.
    pub const fn due(&self) -> Instant {
        self.look_at
    }

    pub async fn look(&mut self, at: Moment) -> Measured {
        let usage = self.table.usage(self.group).await;
        let now = Instant::now();
        let sampled = now - self.before.0 >= SAMPLE;
        let sample = sampled.then(|| self.sample(now, usage, at));
        let wait = match self.memory_limit {
            Some(_) => GUARD.min((self.before.0 + SAMPLE).saturating_duration_since(now)),
            None => SAMPLE,
        };
        self.look_at = now + wait.max(Duration::from_millis(50));
        Measured { sample, failure: self.over(usage) }
    }

    /// The last look, at the end of an attempt; `None` if it was too short or all is gone already.
    pub async fn last(&mut self, begun: Instant, at: Moment) -> Option<ResourceSample> {
        if begun.elapsed() < SAMPLE {
            return None;
        }
        let usage = self.table.usage(self.group).await;
        (usage.processes > 0).then(|| self.sample(Instant::now(), usage, at))
    }

    fn sample(&mut self, now: Instant, usage: Usage, at: Moment) -> ResourceSample {
        let (then, before) = std::mem::replace(&mut self.before, (now, usage));
        let passed = (now - then).as_secs_f64().max(0.001);
        ResourceSample {
            attempt: self.attempt,
            at,
            cpu_percent: usage.cpu.saturating_sub(before.cpu).as_secs_f64() / passed * 100.0,
            memory_bytes: usage.memory_bytes,
            read_bytes: usage.read_bytes.saturating_sub(before.read_bytes),
            written_bytes: usage.written_bytes.saturating_sub(before.written_bytes),
        }
    }

    /// Each process alone is kept to the limit by the system; what they take together is not.
    fn over(&self, usage: Usage) -> Option<Failure> {
        let limit = self.memory_limit.filter(|&limit| usage.private_bytes > limit)?;
        let message = format!(
            "memory ran out: the job's {} processes took {} MiB and may take {} MiB, and were killed",
            usage.processes,
            usage.private_bytes >> 20,
            limit >> 20
        );
        Some(Failure::retryable(FailureCode::OutOfMemory, message))
    }
}
