//! Windowed kernels over one series, in pandas' arithmetic (2.3.3) unless noted.
//!
//! A window of 0 bars means everything since the first bar; a window is shorter at the start.
//! Missing values are NaN and do not count; a window without any value yields NaN.

mod accumulate;
mod average;
mod order;
mod pair;
mod regress;
mod rolling;
mod shape;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use average::ema;
pub(crate) use order::quantile;
pub(crate) use pair::{corr, cov};
pub(crate) use rolling::{rolling, without_infinities};

/// The bars of the window that ends at `bar`.
fn span(bar: usize, window: usize) -> Range<usize> {
    let start = if window == 0 { 0 } else { (bar + 1).saturating_sub(window) };
    start..bar + 1
}

/// Applies a function to every window that holds a value.
fn apply(values: &[f64], window: usize, mut function: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut present = 0;
    let mut result = Vec::with_capacity(values.len());
    for bar in 0..values.len() {
        present += usize::from(!values[bar].is_nan());
        if window > 0 && bar >= window {
            present -= usize::from(!values[bar - window].is_nan());
        }
        let value = if present == 0 { f64::NAN } else { function(&values[span(bar, window)]) };
        result.push(value);
    }
    result
}
