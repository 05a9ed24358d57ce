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

pub(crate) use extremes::{End, extreme, position};
pub(crate) use moments::{ShapeOutputs, SpreadOutputs, mean_deviation, shape, spread};
pub(crate) use pair::{correlation, covariance};
pub(crate) use slide::Sliding;
pub(crate) use smooth::{Ema, Repetition, growing};
pub(crate) use sorted::{Order, Ranked, SWEPT, Swept};
pub(crate) use sums::{SumOutputs, Weighting, product, sums, weighted};
pub(crate) use trend::{TrendOutputs, trend};
