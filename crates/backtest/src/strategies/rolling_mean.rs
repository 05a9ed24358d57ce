/// Mean of the last `window` values of a growing series, taken up value by value. It counts the
/// values there are, as TA-Lib's SMA over the instrument's own series does: a missing one changes
/// nothing. A value costs O(1), a run of missing ones is walked over once.
#[derive(Debug, Clone)]
pub(crate) struct RollingMean {
    window: usize,
    /// Values taken, without missing ones.
    taken: usize,
    /// Where in the series the oldest value of the window is.
    oldest: usize,
    sum: f64,
}

impl RollingMean {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, taken: 0, oldest: 0, sum: 0.0 }
    }

    /// Takes the newest value of `series`; the mean once a window is full. None where the newest
    /// is missing.
    pub(crate) fn push(&mut self, series: &[f64]) -> Option<f64> {
        let newest = *series.last()?;
        if newest.is_nan() {
            return None;
        }
        self.taken += 1;
        if self.taken == 1 {
            self.oldest = series.len() - 1;
        }
        if self.taken > self.window {
            let left = series[self.oldest];
            self.oldest += 1;
            while series[self.oldest].is_nan() {
                self.oldest += 1;
            }
            self.sum += newest - left;
        }
        if self.taken < self.window {
            return None;
        }
        // Summing anew once a window keeps rounding from piling up.
        if self.taken.is_multiple_of(self.window) {
            self.sum = series[self.oldest..].iter().filter(|value| !value.is_nan()).sum();
        }
        Some(self.sum / self.window as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of the last `window` of the values there are.
    fn plainly(series: &[f64], window: usize) -> Option<f64> {
        if series.last()?.is_nan() {
            return None;
        }
        let values: Vec<f64> = series.iter().copied().filter(|value| !value.is_nan()).collect();
        let last = &values[values.len().checked_sub(window)?..];
        Some(last.iter().sum::<f64>() / window as f64)
    }

    #[test]
    fn means_are_those_of_the_window() {
        let whole: Vec<f64> = (0..97).map(|i| f64::from(i * i % 31)).collect();
        let mut gaps = whole.clone();
        for at in [0, 1, 9, 23, 24, 25, 26, 27, 28, 29, 30, 31, 58, 77, 79, 96] {
            gaps[at] = f64::NAN;
        }
        for (series, window) in [(&whole, 7), (&whole, 1), (&gaps, 7), (&gaps, 1), (&gaps, 20)] {
            let mut mean = RollingMean::new(window);
            for end in 1..=series.len() {
                let expected = plainly(&series[..end], window);
                let found = mean.push(&series[..end]);
                assert_eq!(found.is_some(), expected.is_some(), "{window} {end}");
                assert!(found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-12));
            }
        }
    }

    #[test]
    fn a_gap_changes_nothing() {
        let series = [1.0, 2.0, f64::NAN, 3.0, 4.0, 5.0];
        let mut mean = RollingMean::new(2);
        let found: Vec<_> = (1..=series.len()).map(|end| mean.push(&series[..end])).collect();
        assert_eq!(found, [None, Some(1.5), None, Some(2.5), Some(3.5), Some(4.5)]);
    }

    #[test]
    fn a_series_without_values_has_no_mean() {
        let mut mean = RollingMean::new(2);
        let found = (0..4).find_map(|end| mean.push(&[f64::NAN; 4][..end]));
        assert_eq!(found, None);
    }
}
