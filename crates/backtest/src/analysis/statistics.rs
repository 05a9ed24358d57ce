//! Plain statistics. Everything is `None` where it is not defined, never NaN.

pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// The sum, of nothing 0: [`Iterator::sum`] begins with −0.
pub(crate) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The arithmetic mean; none of no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    finite(values.iter().sum::<f64>() / values.len() as f64)
}

/// Returns that differ by less are the same: they come from quotients near one.
const SAME: f64 = 4.0 * f64::EPSILON;

/// Standard deviation of returns with `ddof` taken off the count: 1 for a sample, 0 for a
/// population. Exactly zero where they are all the same, so that nothing is divided by rounding.
pub(crate) fn deviation(values: &[f64], ddof: usize) -> Option<f64> {
    let mean = mean(values)?;
    let count = values.len().checked_sub(ddof).filter(|&count| count > 0)?;
    let apart = values.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if apart <= SAME * (1.0 + mean.abs()) {
        return Some(0.0);
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    finite((squares / count as f64).sqrt())
}

/// `a / b`, if `b` is not zero to rounding of the scale of `a`.
pub(crate) fn ratio(a: f64, b: f64) -> Option<f64> {
    if b.abs() <= f64::EPSILON * a.abs().max(1e-3) { None } else { finite(a / b) }
}

/// Third and fourth standardised moments, of the population: 0 and 3 for a normal distribution.
pub(crate) fn skewness_and_kurtosis(values: &[f64]) -> Option<(f64, f64)> {
    let (mean, deviation) = (mean(values)?, deviation(values, 0)?);
    let moment = |power: i32| {
        let sum: f64 = values.iter().map(|value| (value - mean).powi(power)).sum();
        ratio(sum / values.len() as f64, deviation.powi(power))
    };
    (deviation > 0.0).then(|| moment(3).zip(moment(4))).flatten()
}

/// Quantile with linear interpolation between ranks, as numpy's default.
pub(crate) fn quantile(values: &[f64], at: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = at * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    let part = place - low as f64;
    finite(sorted[low] * (1.0 - part) + sorted[high] * part)
}

/// Covariance of two series of one length, with ddof 1.
pub(crate) fn covariance(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    finite(sum / (a.len().checked_sub(1)? as f64))
}
