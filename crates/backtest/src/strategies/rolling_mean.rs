/// Mean of the last `window` values of a growing series, taken up value by value. A missing value
/// starts it anew.
#[derive(Debug, Clone)]
pub(crate) struct RollingMean {
    window: usize,
    /// Values since the last missing one.
    run: usize,
    sum: f64,
}

impl RollingMean {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, run: 0, sum: 0.0 }
    }

    /// Takes the newest value of `series`; the mean once a window is full.
    pub(crate) fn push(&mut self, series: &[f64]) -> Option<f64> {
        let newest = *series.last()?;
        if newest.is_nan() {
            (self.run, self.sum) = (0, 0.0);
            return None;
        }
        self.run += 1;
        if self.run > self.window && !self.run.is_multiple_of(self.window) {
            self.sum += newest - series[series.len() - 1 - self.window];
        } else if self.run >= self.window {
            // Summing anew once a window keeps rounding from piling up.
            self.sum = series[series.len() - self.window..].iter().sum();
        } else {
            return None;
        }
        Some(self.sum / self.window as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_those_of_the_window() {
        let series: Vec<f64> = (0..97).map(|i| f64::from(i * i % 31)).collect();
        let mut mean = RollingMean::new(7);
        for end in 1..=series.len() {
            let expected = (end >= 7).then(|| series[end - 7..end].iter().sum::<f64>() / 7.0);
            let found = mean.push(&series[..end]);
            assert_eq!(found.is_some(), expected.is_some());
            assert!(found.zip(expected).is_none_or(|(a, b)| (a - b).abs() < 1e-12));
        }
    }

    #[test]
    fn a_gap_starts_it_anew() {
        let series = [1.0, 2.0, f64::NAN, 3.0, 4.0, 5.0];
        let mut mean = RollingMean::new(2);
        let found: Vec<_> = (1..=series.len()).map(|end| mean.push(&series[..end])).collect();
        assert_eq!(found, [None, Some(1.5), None, None, Some(3.5), Some(4.5)]);
    }
}
