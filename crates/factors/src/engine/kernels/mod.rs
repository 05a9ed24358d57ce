//! Statistics of windows over the instruments of a group, block of bars by block.
//!
//! They give what pandas (2.3.3) and Qlib's own kernels give, unless noted. A window of 0 bars
//! means everything since the first bar; a window is shorter at the start. Missing values are NaN
//! and do not count; a window without any value yields NaN.

mod extremes;
mod moments;
mod pair;
mod slide;
mod smooth;
mod sorted;
mod sums;
mod trend;

pub(crate) use extremes::{End, Extreme, Position};
pub(crate) use moments::{Counts, MeanDeviation, Shape, Spread};
pub(crate) use pair::{Correlation, Covariance};
pub(crate) use slide::Sliding;
pub(crate) use smooth::{Ema, EmaRun, Growing, Repetition, RepetitionRun};
pub(crate) use sorted::{Order, Ranked, SWEPT, Swept, interpolated};
pub(crate) use sums::{Product, Sums, Weighted, Weighting};
pub(crate) use trend::Trend;
