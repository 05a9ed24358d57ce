use alphafleet_backtest::plan::Point;

/// Where a run tells what it does, and hears whether it should go on. Called on the run's thread.
pub trait Sink {
    /// Entering a stage, with the progress of the whole run in percent.
    fn stage(&self, name: &str, percent: f64);

    /// The account at the close of a bar; see [`percent`] for the progress.
    fn point(&self, point: &Point);

    /// Something its owner may want to know.
    fn inform(&self, message: &str);

    /// Something its owner should know.
    fn warn(&self, message: &str);

    /// Whether to end now; asked between stages and after every bar.
    fn stop(&self) -> bool;
}

/// Where the simulation begins and ends in the progress of the whole run.
pub(super) const SIMULATING: (f64, f64) = (10.0, 90.0);

/// Progress of the whole run, in percent, at a bar of its simulation.
pub fn percent(point: &Point) -> f64 {
    let (from, to) = SIMULATING;
    let done = (point.step + 1) as f64 / point.bars.max(1) as f64;
    from + (to - from) * done.min(1.0)
}
