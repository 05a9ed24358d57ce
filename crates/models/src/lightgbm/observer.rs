use crate::Checkpoint;

/// Which rows a metric was taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    Train,
    Valid,
}

/// What is known after a round.
#[derive(Debug, Clone, Copy)]
pub struct Round<'a> {
    /// Counted from 1; a resumed fit goes on counting.
    pub round: u32,
    /// How many rounds there are at most.
    pub total: u32,
    /// This round's metrics: the losses, then the observer's own.
    pub metrics: &'a [(String, f64)],
    /// The round with the lowest validation loss so far.
    pub best_round: Option<u32>,
}

/// Follows a fit. Everything is called on the thread of the fit, between two rounds.
pub trait FitObserver {
    /// Asked before every round: true ends the fit there.
    fn cancelled(&self) -> bool {
        false
    }

    /// Further metrics of a round, from the current score of every row of the segment, in the
    /// rows' order. They enter the history under the names given.
    fn metrics(&mut self, segment: Segment, scores: &[f64]) -> Vec<(String, f64)> {
        let _ = (segment, scores);
        Vec::new()
    }

    /// After every round.
    fn round(&mut self, round: &Round<'_>) {
        let _ = round;
    }

    /// After every round at which a checkpoint is due.
    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let _ = checkpoint;
    }
}

/// Looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoObserver;

impl FitObserver for NoObserver {}
