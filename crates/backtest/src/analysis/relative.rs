use serde::Serialize;

use super::convention::Convention;
use super::returns::{ReturnFigures, sharpe};
use super::statistics::{covariance, deviation, finite, mean, ratio};
use crate::BacktestError;

/// Figures against a benchmark, in the definitions of empyrical; deviations have ddof 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RelativeFigures {
    pub convention: Convention,
    /// The benchmark's own figures.
    pub benchmark: ReturnFigures,
    /// `cov(r, b) / var(b)`; none where the benchmark never moved.
    pub beta: Option<f64>,
    /// Compound: `(1 + mean(r − f − beta · (b − f)))^(bars a year) − 1`, `f` the risk-free rate.
    pub alpha: Option<f64>,
    /// `mean(r − b) / std(r − b) · √(bars a year)`.
    pub information_ratio: Option<f64>,
    /// `std(r − b) · √(bars a year)`.
    pub tracking_error: Option<f64>,
    pub correlation: Option<f64>,
}

impl RelativeFigures {
    /// Refuses series of different lengths.
    pub fn of(
        returns: &[f64],
        benchmark: &[f64],
        convention: Convention,
    ) -> Result<Self, BacktestError> {
        if returns.len() != benchmark.len() {
            return Err(BacktestError::Shape {
                what: "the benchmark",
                expected: returns.len(),
                found: benchmark.len(),
            });
        }
        let root = convention.bars_per_year.sqrt();
        let active: Vec<f64> = returns.iter().zip(benchmark).map(|(r, b)| r - b).collect();
        let beta = beta(returns, benchmark);
        let spread = deviation(returns, 1).zip(deviation(benchmark, 1));
        Ok(Self {
            convention,
            benchmark: ReturnFigures::of(benchmark, convention),
            beta,
            alpha: beta.and_then(|beta| alpha(returns, benchmark, beta, convention)),
            information_ratio: sharpe(&active).map(|ratio| ratio * root),
            tracking_error: deviation(&active, 1).map(|std| std * root),
            correlation: covariance(returns, benchmark)
                .zip(spread)
                .and_then(|(together, (a, b))| ratio(together, a * b)),
        })
    }
}

fn beta(returns: &[f64], benchmark: &[f64]) -> Option<f64> {
    let varies = deviation(benchmark, 1)? > 0.0;
    let variance = covariance(benchmark, benchmark)?;
    if varies { finite(covariance(returns, benchmark)? / variance) } else { None }
}

fn alpha(returns: &[f64], benchmark: &[f64], beta: f64, convention: Convention) -> Option<f64> {
    let free = convention.risk_free_of_bar();
    let excess = returns.iter().zip(benchmark).map(|(r, b)| r - free - beta * (b - free));
    let mean = mean(&excess.collect::<Vec<_>>())?;
    finite((1.0 + mean).powf(convention.bars_per_year) - 1.0)
}
