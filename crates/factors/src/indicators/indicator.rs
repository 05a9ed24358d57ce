use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest magnitude of an input, TA-Lib's `TA_REAL_MAX`: below it no sum of squares or of
/// price times volume overflows.
pub const LARGEST_INPUT: f64 = 3e37;

/// One or several technical indicators as a state machine that takes one bar at a time.
///
/// `IN` series are read and `OUT` are written. The state holds all that the next output depends on,
/// so a run may stop after any bar, be stored, and go on elsewhere with the same bits.
pub trait Indicator<const IN: usize, const OUT: usize>:
    Clone + Debug + PartialEq + Serialize + DeserializeOwned
{
    /// The smallest input that exists, as an input; a lesser one is missing.
    const LEAST_INPUT: f64 = -LARGEST_INPUT;

    /// Takes a bar whose inputs all exist; answers NaN while the indicator warms up.
    fn step(&mut self, bar: [f64; IN]) -> [f64; OUT];

    /// Takes any bar. One with an input that is NaN, infinite, below
    /// [`LEAST_INPUT`](Self::LEAST_INPUT) or beyond [`LARGEST_INPUT`] is missing: the state stays as
    /// it is and the outputs are NaN.
    #[inline(always)]
    fn next(&mut self, bar: [f64; IN]) -> [f64; OUT] {
        // Never true of NaN.
        if bar.iter().all(|value| (Self::LEAST_INPUT..=LARGEST_INPUT).contains(value)) {
            self.step(bar)
        } else {
            [f64::NAN; OUT]
        }
    }
}

/// NaN where an output does not exist yet.
#[inline(always)]
pub(super) fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
