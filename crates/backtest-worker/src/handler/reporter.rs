use std::cell::Cell;
use std::time::Instant;

use alphafleet_backtest::plan::Point;
use alphafleet_domain::job::{LogLevel, Progress};
use alphafleet_worker::child::Context;

use crate::pipeline::Sink;

/// Points of a live curve, about: a longer one is thinned evenly.
const MOST_POINTS: usize = 2_000;
/// The progress between which bars are simulated, or configurations run.
pub(super) const FROM: f64 = 20.0;
pub(super) const TO: f64 = 90.0;

/// Speaks to the supervisor. Every point told is one that was simulated, as the report has it.
pub(super) struct Reporter<'a> {
    ctx: &'a Context,
    curve: Cell<Curve>,
    /// When the first bar was done.
    since: Cell<Option<Instant>>,
}

/// What a curve adds up from bar to bar.
#[derive(Debug, Clone, Copy)]
struct Curve {
    /// Capital grown at the benchmark's returns.
    benchmark: f64,
    /// The highest equity so far.
    peak: f64,
}

impl<'a> Reporter<'a> {
    pub fn new(ctx: &'a Context, capital: f64) -> Self {
        let curve = Cell::new(Curve { benchmark: capital, peak: capital });
        Self { ctx, curve, since: Cell::new(None) }
    }

    /// Time for the remaining bars at the pace so far.
    fn eta_ms(&self, point: &Point) -> Option<u64> {
        let Some(since) = self.since.get() else {
            self.since.set(Some(Instant::now()));
            return None;
        };
        let left = point.bars.saturating_sub(point.step + 1) as f64;
        Some((since.elapsed().as_secs_f64() * 1_000.0 / point.step.max(1) as f64 * left) as u64)
    }
}

impl Sink for Reporter<'_> {
    fn stage(&self, name: &str, _: f64) {
        let (name, percent) = match name {
            // Which began with reading the data.
            "preparing" => return,
            "simulating" => (name, FROM),
            "evaluating" => (name, TO),
            _ => (name, 100.0),
        };
        self.ctx.stage(name, percent);
        self.ctx.log(LogLevel::Info, name);
    }

    fn point(&self, point: &Point) {
        let mut curve = self.curve.get();
        curve.benchmark *= 1.0 + point.benchmark.unwrap_or(0.0);
        curve.peak = curve.peak.max(point.equity);
        self.curve.set(curve);
        if !is_told(point.step, point.bars) {
            return;
        }
        let mut values = vec![("equity", point.equity)];
        if point.benchmark.is_some() {
            values.push(("benchmark", curve.benchmark));
        }
        values.push(("drawdown", point.equity / curve.peak - 1.0));
        self.ctx.metrics(point.step as u64, &values);
        let done = (point.step + 1) as f64 / point.bars.max(1) as f64;
        let count = |bars: usize| u32::try_from(bars).ok();
        self.ctx.progress(Progress {
            percent: FROM + (TO - FROM) * done.min(1.0),
            stage: "simulating".to_owned(),
            message: point.time.date().to_string(),
            epoch: count(point.step + 1),
            epochs: count(point.bars),
            eta_ms: self.eta_ms(point),
        });
    }

    fn inform(&self, message: &str) {
        self.ctx.log(LogLevel::Info, message);
    }

    fn warn(&self, message: &str) {
        self.ctx.log(LogLevel::Warn, message);
    }

    fn stop(&self) -> bool {
        self.ctx.stop().is_some()
    }
}

/// Every bar of a short run, every so many of a long one, and always the last.
fn is_told(step: usize, bars: usize) -> bool {
    step.is_multiple_of(bars.div_ceil(MOST_POINTS).max(1)) || step + 1 == bars
}

#[cfg(test)]
mod tests {
    use super::is_told;

    #[test]
    fn a_long_curve_is_thinned_evenly_and_keeps_its_ends() {
        for (bars, told) in [(1, 1), (250, 250), (2_000, 2_000), (2_001, 1_001), (98_280, 1_967)] {
            let steps: Vec<usize> = (0..bars).filter(|&step| is_told(step, bars)).collect();
            assert_eq!((steps.len(), steps[0], steps[steps.len() - 1]), (told, 0, bars - 1));
        }
    }
}
