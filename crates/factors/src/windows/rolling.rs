use std::borrow::Cow;

use super::accumulate::{mean, std, sum, var};
use super::average::{decay_linear, product, wma};
use super::order::{arg_max, arg_min, count, max, median, min, rank};
use super::pair::flat_bars;
use super::regress::{residual, rsquare, slope};
use super::shape::{kurtosis, mean_deviation, skewness};
use crate::expr::Rolling;

/// A rolling operator over a series. An infinity counts as missing, as it does for pandas, except
/// for the operators with loops of Qlib's own.
pub(crate) fn rolling(op: Rolling, values: &[f64], window: usize) -> Vec<f64> {
    let kernel: fn(&[f64], usize) -> Vec<f64> = match op {
        Rolling::Mean => mean,
        Rolling::Sum => sum,
        Rolling::Std => std,
        Rolling::Var => var,
        Rolling::Skew => skewness,
        Rolling::Kurt => kurtosis,
        Rolling::Max => max,
        Rolling::Min => min,
        Rolling::IdxMax => arg_max,
        Rolling::IdxMin => arg_min,
        Rolling::Med => median,
        Rolling::Mad => mean_deviation,
        Rolling::Rank => rank,
        Rolling::Wma => wma,
        Rolling::Product => product,
        Rolling::DecayLinear => decay_linear,
        // These see infinities as they are.
        Rolling::Count => return count(values, window),
        Rolling::Slope => return slope(values, window),
        Rolling::Resi => return residual(values, window),
        Rolling::Rsquare => {
            let flat = flat_bars(&without_infinities(values), window);
            return rsquare(values, window, &flat);
        }
    };
    kernel(&without_infinities(values), window)
}

/// What a pandas window sees of a series.
pub(crate) fn without_infinities(values: &[f64]) -> Cow<'_, [f64]> {
    if !values.iter().any(|value| value.is_infinite()) {
        return Cow::Borrowed(values);
    }
    values.iter().map(|&value| if value.is_infinite() { f64::NAN } else { value }).collect()
}
