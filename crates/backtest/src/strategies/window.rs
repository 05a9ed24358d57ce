//! Windows of the bars that an instrument has.

use std::borrow::Cow;

/// The last `window` values there are, oldest first. None where there are fewer.
pub(crate) fn last_values(series: &[f64], window: usize) -> Option<Cow<'_, [f64]>> {
    if let Some(start) = series.len().checked_sub(window) {
        let recent = &series[start..];
        if recent.iter().all(|value| !value.is_nan()) {
            return Some(Cow::Borrowed(recent));
        }
    }
    let there = series.iter().rev().copied().filter(|value| !value.is_nan());
    let mut values: Vec<f64> = there.take(window).collect();
    values.reverse();
    (values.len() == window).then_some(Cow::Owned(values))
}

/// The last `window` pairs of values of places at which both series have one, oldest first, each
/// series for itself. None where there are fewer.
pub(crate) fn last_of_both(
    first: &[f64],
    second: &[f64],
    window: usize,
) -> Option<(Vec<f64>, Vec<f64>)> {
    let pairs = first.iter().zip(second).rev();
    let both = pairs.filter(|(first, second)| !first.is_nan() && !second.is_nan());
    let (mut a, mut b): (Vec<f64>, Vec<f64>) = both.take(window).unzip();
    a.reverse();
    b.reverse();
    (a.len() == window).then_some((a, b))
}

/// The last value at or before a place. None before the first, or beyond the series.
pub(crate) fn value_at(series: &[f64], place: usize) -> Option<f64> {
    series.get(..=place)?.iter().rev().copied().find(|value| !value.is_nan())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const GONE: f64 = f64::NAN;

    #[test]
    fn missing_values_do_not_count() {
        let series = [1.0, GONE, 2.0, 3.0, GONE];
        assert_eq!(last_values(&series, 2).unwrap(), [2.0, 3.0].as_slice());
        assert_eq!(last_values(&series, 3).unwrap(), [1.0, 2.0, 3.0].as_slice());
        assert_eq!(last_values(&series[..4], 2).unwrap(), [2.0, 3.0].as_slice());
        assert_eq!(last_values(&series, 4), None);
        let other = [5.0, 6.0, 7.0, GONE, 8.0];
        let both = last_of_both(&series, &other, 2).unwrap();
        assert_eq!(both, (vec![1.0, 2.0], vec![5.0, 7.0]));
        assert_eq!(last_of_both(&series, &other, 3), None);
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let series = [GONE, 1.0, GONE, 2.0];
        let found: Vec<_> = (0..5).map(|place| value_at(&series, place)).collect();
        assert_eq!(found, [None, Some(1.0), Some(1.0), Some(2.0), None]);
    }
}
