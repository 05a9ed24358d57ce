use chrono::TimeDelta;

/// How much of a job's stream is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Events a stream holds at most; at least 1.
    pub events: usize,
    /// Bytes a stream holds at most, roughly; the newest event stays whatever its size.
    pub bytes: usize,
    /// How long the stream of a job that has ended is kept after its last event.
    pub idle_after_end: TimeDelta,
    /// How long any other stream is kept after its last event.
    pub idle: TimeDelta,
}

impl Default for StreamLimits {
    /// 10,000 events, 8 MiB, 10 minutes after the end, one day.
    fn default() -> Self {
        Self {
            events: 10_000,
            bytes: 8 << 20,
            idle_after_end: TimeDelta::minutes(10),
            idle: TimeDelta::days(1),
        }
    }
}
