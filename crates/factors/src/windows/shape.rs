use super::apply;

/// Variances up to this size make a shape meaningless; pandas' bound.
const DEGENERATE: f64 = 1e-14;

/// Central moments of a window's values: count, and means of the 2nd, 3rd and 4th powers.
struct Moments {
    count: f64,
    second: f64,
    third: f64,
    fourth: f64,
    constant: bool,
}

impl Moments {
    fn of(bars: &[f64]) -> Self {
        let present = || bars.iter().copied().filter(|value| !value.is_nan());
        let count = present().count() as f64;
        let mean = present().sum::<f64>() / count;
        let power = |k: i32| present().map(|value| (value - mean).powi(k)).sum::<f64>() / count;
        let first = present().next();
        let constant = present().all(|value| Some(value) == first);
        Self { count, second: power(2), third: power(3), fourth: power(4), constant }
    }
}

/// Adjusted Fisher–Pearson skewness; needs three values, 0 for a constant window.
pub(crate) fn skewness(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| {
        let m = Moments::of(bars);
        let n = m.count;
        if n < 3.0 {
            f64::NAN
        } else if m.constant {
            0.0
        } else if m.second <= DEGENERATE {
            f64::NAN
        } else {
            (n * (n - 1.0)).sqrt() / (n - 2.0) * m.third / m.second.powf(1.5)
        }
    })
}

/// Sample excess kurtosis; needs four values, -3 for a constant window.
pub(crate) fn kurtosis(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| {
        let m = Moments::of(bars);
        let n = m.count;
        if n < 4.0 {
            f64::NAN
        } else if m.constant {
            -3.0
        } else if m.second <= DEGENERATE {
            f64::NAN
        } else {
            let raw = (n * n - 1.0) * m.fourth / (m.second * m.second);
            (raw - 3.0 * (n - 1.0) * (n - 1.0)) / ((n - 2.0) * (n - 3.0))
        }
    })
}

/// Mean absolute deviation from the window's mean.
pub(crate) fn mean_deviation(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| {
        let present = || bars.iter().copied().filter(|value| !value.is_nan());
        let count = present().count() as f64;
        let mean = present().sum::<f64>() / count;
        present().map(|value| (value - mean).abs()).sum::<f64>() / count
    })
}
