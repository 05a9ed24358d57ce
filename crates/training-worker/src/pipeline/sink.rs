use std::io;
use std::path::Path;

use super::TrainError;

/// Where a run tells what it does, and hears whether it should go on. Called on the run's thread.
pub trait Sink {
    /// Entering a stage.
    fn enter(&self, stage: Stage, percent: f64);

    /// After every round of a fit.
    fn progress(&self, progress: &StageProgress);

    /// Values of one round, in the order of the rounds.
    fn metrics(&self, round: u32, values: &[(&str, f64)]);

    /// Something its owner may want to know.
    fn inform(&self, message: &str);

    /// Something its owner should know.
    fn warn(&self, message: &str);

    /// A complete checkpoint in the scratch folder; the sink may move it away.
    ///
    /// # Errors
    /// When the file cannot be taken over; the run goes on without that checkpoint.
    fn checkpoint(&self, path: &Path) -> io::Result<()>;

    /// Whether to end now; asked between stages and before every round.
    fn stop(&self) -> Option<Stop>;
}

/// How a run is to end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Hand over a checkpoint first: another attempt goes on.
    Checkpoint,
    /// Nobody needs it any more.
    Abandon,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Preparing,
    Configuring,
    Training,
    Evaluating,
    Completed,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Configuring => "configuring",
            Self::Training => "training",
            Self::Evaluating => "evaluating",
            Self::Completed => "completed",
        }
    }
}

/// How far a stage has come.
#[derive(Debug, Clone, PartialEq)]
pub struct StageProgress {
    pub stage: Stage,
    /// 0 to 100, of the whole run.
    pub percent: f64,
    /// Rounds done, and how many there will be at most.
    pub round: u32,
    pub rounds: u32,
    pub message: String,
}

pub(super) fn check(sink: &dyn Sink) -> Result<(), TrainError> {
    sink.stop().map_or(Ok(()), |_| Err(TrainError::Stopped))
}
