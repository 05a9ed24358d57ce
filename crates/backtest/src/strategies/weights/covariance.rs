use crate::strategies::window::value_at;

/// A symmetric matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Covariance {
    size: usize,
    values: Vec<f64>,
}

impl Covariance {
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.size..(row + 1) * self.size]
    }

    pub(crate) fn variance(&self, at: usize) -> f64 {
        self.values[at * self.size + at]
    }

    /// The product with a vector.
    pub(crate) fn times(&self, vector: &[f64]) -> Vec<f64> {
        (0..self.size).map(|row| dot(self.row(row), vector)).collect()
    }

    /// The sample covariance (ddof 1) of series of one length, drawn towards its diagonal:
    /// what lies off it is multiplied by `1 − shrinkage`.
    pub(crate) fn of(series: &[Vec<f64>], shrinkage: f64) -> Self {
        let size = series.len();
        let centred: Vec<Vec<f64>> = series.iter().map(|series| centre(series)).collect();
        let mut values = vec![0.0; size * size];
        for a in 0..size {
            for b in 0..=a {
                let count = (centred[a].len() as f64 - 1.0).max(1.0);
                let both = dot(&centred[a], &centred[b]) / count;
                let drawn = if a == b { both } else { both * (1.0 - shrinkage) };
                values[a * size + b] = drawn;
                values[b * size + a] = drawn;
            }
        }
        Self { size, values }
    }
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn centre(series: &[f64]) -> Vec<f64> {
    let mean = mean(series);
    series.iter().map(|value| value - mean).collect()
}

pub(crate) fn mean(series: &[f64]) -> f64 {
    series.iter().sum::<f64>() / series.len() as f64
}

/// The last `window` returns, closes carried forward over bars that are missing: such a bar is a
/// return of 0. None without a close at or before the first place.
pub(crate) fn returns(closes: &[f64], window: usize) -> Option<Vec<f64>> {
    let first = closes.len().checked_sub(window + 1)?;
    let mut last = value_at(closes, first)?;
    let returns: Vec<f64> = closes[first + 1..]
        .iter()
        .map(|&close| {
            let close = if close.is_nan() { last } else { close };
            close / std::mem::replace(&mut last, close) - 1.0
        })
        .collect();
    returns.iter().all(|value| value.is_finite()).then_some(returns)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_missing_bar_is_a_return_of_nothing() {
        const GONE: f64 = f64::NAN;
        let closes = [GONE, 8.0, GONE, 10.0, GONE, GONE, 15.0];
        assert_eq!(returns(&closes, 3).unwrap(), [0.0, 0.0, 0.5]);
        // The first place lacks a bar: 8 is carried to it.
        assert_eq!(returns(&closes, 4).unwrap(), [0.25, 0.0, 0.0, 0.5]);
        assert_eq!(returns(&closes, 5).unwrap(), [0.0, 0.25, 0.0, 0.0, 0.5]);
        assert_eq!(returns(&closes, 6), None);
        assert_eq!(returns(&closes, 7), None);
    }
}
