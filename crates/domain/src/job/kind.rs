use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{RetryPolicy, TimeLimits};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Features, fit, evaluation, report.
    Training,
    /// A strategy over the bars of a period: account, trades, figures, report.
    Backtest,
    /// Many backtests of one strategy over one market, each with other settings.
    BacktestSweep,
    /// One part of a sweep, as a child of it.
    BacktestSweepShare,
    /// Values of features, into the cache and as a file.
    FeatureComputation,
    /// How well features foretell returns, as a report.
    FactorEvaluation,
    /// Exercises the fleet itself: echo, sleep, allocate, crash, emit metrics.
    Probe,
}

impl JobKind {
    pub const ALL: [Self; 7] = [
        Self::Training,
        Self::Backtest,
        Self::BacktestSweep,
        Self::BacktestSweepShare,
        Self::FeatureComputation,
        Self::FactorEvaluation,
        Self::Probe,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Backtest => "backtest",
            Self::BacktestSweep => "backtest_sweep",
            Self::BacktestSweepShare => "backtest_sweep_share",
            Self::FeatureComputation => "feature_computation",
            Self::FactorEvaluation => "factor_evaluation",
            Self::Probe => "probe",
        }
    }

    pub fn queue(self) -> Queue {
        match self {
            // Not `default`: a worker looks ahead there, and these are long.
            Self::Training | Self::FeatureComputation | Self::FactorEvaluation => Queue::training(),
            Self::Backtest | Self::BacktestSweep | Self::BacktestSweepShare => Queue::backtest(),
            Self::Probe => Queue::default_queue(),
        }
    }

    pub const fn limits(self) -> TimeLimits {
        match self {
            Self::Training | Self::BacktestSweep | Self::BacktestSweepShare => {
                TimeLimits::new(6_600_000, 7_200_000)
            }
            Self::Backtest | Self::FeatureComputation | Self::FactorEvaluation | Self::Probe => {
                TimeLimits::new(3_300_000, 3_600_000)
            }
        }
    }

    pub const fn retry(self) -> RetryPolicy {
        RetryPolicy { max_failures: 3, backoff_ms: 1_000, max_backoff_ms: 60_000 }
    }

    /// How many jobs of this kind a worker may claim at once, to run them one after the other: 1
    /// unless such a job is mostly done before another claim would be answered.
    pub const fn look_ahead(self) -> u16 {
        match self {
            Self::Training
            | Self::Backtest
            | Self::BacktestSweep
            | Self::BacktestSweepShare
            | Self::FeatureComputation
            | Self::FactorEvaluation => 1,
            Self::Probe => 64,
        }
    }

    /// Whether looking ahead pays.
    pub const fn is_short(self) -> bool {
        self.look_ahead() > 1
    }
}

impl FromStr for JobKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("unknown job kind '{text}'"))
    }
}

/// Higher runs first; 0 unless asked for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Priority(pub i16);

/// Where jobs wait for a worker: `training`, `backtest`, `monitoring`, `default`, or one of these
/// with a resource class, e.g. `training.gpu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Queue(String);

impl Queue {
    const BASES: [&'static str; 4] = ["training", "backtest", "monitoring", "default"];

    /// Every queue without a resource class.
    pub fn bases() -> Vec<Self> {
        Self::BASES.iter().map(|&base| Self(base.to_owned())).collect()
    }

    /// This queue for jobs that need a resource class, e.g. `training.gpu`.
    pub fn with_class(&self, class: &str) -> Result<Self, QueueError> {
        format!("{}.{class}", self.0).parse()
    }

    pub fn training() -> Self {
        Self("training".to_owned())
    }

    pub fn backtest() -> Self {
        Self("backtest".to_owned())
    }

    pub fn default_queue() -> Self {
        Self("default".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How far a worker may look ahead here: as far as every kind allows whose jobs go to this
    /// queue, whatever their resource class.
    pub fn look_ahead(&self) -> u16 {
        let base = self.0.split('.').next();
        let kinds = JobKind::ALL.into_iter().filter(|kind| Some(kind.queue().as_str()) == base);
        kinds.map(JobKind::look_ahead).min().unwrap_or(1)
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Queue {
    type Err = QueueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, class) = match text.split_once('.') {
            Some((base, class)) => (base, Some(class)),
            None => (text, None),
        };
        let legal = |class: &str| {
            (1..=32).contains(&class.len()) && class.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if Self::BASES.contains(&base) && class.is_none_or(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(QueueError(text.chars().take(64).collect()))
        }
    }
}

impl TryFrom<String> for Queue {
    type Error = QueueError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Queue> for String {
    fn from(queue: Queue) -> Self {
        queue.0
    }
}

#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error(
    "'{0}' is not a queue: expected training, backtest, monitoring or default, perhaps with a class as in training.gpu"
)]
pub struct QueueError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_looks_ahead_as_far_as_its_kinds_do() {
        assert_eq!(Queue::default_queue().look_ahead(), JobKind::Probe.look_ahead());
        assert_eq!(Queue::training().look_ahead(), 1);
        assert_eq!(Queue::backtest().look_ahead(), 1);
        let classed: Queue = Queue("training.gpu".to_owned());
        assert_eq!(classed.look_ahead(), 1);
        assert_eq!(Queue("monitoring".to_owned()).look_ahead(), 1, "no kind goes there yet");
    }
}
