use super::normal;
use super::returns::sharpe;
use super::statistics::{finite, skewness_and_kurtosis};
use crate::BacktestError;
use crate::range::Given;

const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;

/// What is known of a Sharpe ratio, none of it annualised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharpeSample {
    /// Mean over deviation (ddof 1) of the returns.
    pub sharpe: f64,
    /// Of the population of returns; 0 for a normal distribution.
    pub skewness: f64,
    /// Of the population of returns; 3 for a normal distribution.
    pub kurtosis: f64,
    pub observations: usize,
}

impl SharpeSample {
    /// None for fewer than two returns, or returns that are all the same.
    pub fn of(returns: &[f64]) -> Option<Self> {
        let (skewness, kurtosis) = skewness_and_kurtosis(returns)?;
        let sharpe = sharpe(returns)?;
        Some(Self { sharpe, skewness, kurtosis, observations: returns.len() })
    }
}

/// Probability that the true Sharpe ratio is above `threshold` (Bailey and López de Prado 2012):
/// `Φ((SR − threshold) · √(n − 1) / √(1 − skewness · SR + (kurtosis − 1) / 4 · SR²))`.
/// None where the root is not of a positive number.
pub fn probabilistic_sharpe(sample: SharpeSample, threshold: f64) -> Option<f64> {
    let SharpeSample { sharpe, skewness, kurtosis, observations } = sample;
    let spread = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe;
    let count = observations.checked_sub(1)? as f64;
    if spread <= 0.0 {
        return None;
    }
    finite(normal::cumulative((sharpe - threshold) * count.sqrt() / spread.sqrt()))
}

/// Probability that a Sharpe ratio is above the best to be expected of `trials` strategies without
/// skill (Bailey and López de Prado 2014, "The Deflated Sharpe Ratio"). `variance` is that of the
/// trials' ratios, not annualised. Refused: no trial, a negative variance.
pub fn deflated_sharpe(
    sample: SharpeSample,
    trials: usize,
    variance: f64,
) -> Result<Option<f64>, BacktestError> {
    Given("trials", trials as f64).check(|trials| trials >= 1.0, "at least 1")?;
    Given("variance", variance).not_negative()?;
    Ok(probabilistic_sharpe(sample, expected_best(trials, variance)))
}

/// The best Sharpe ratio to be expected of trials whose true ratio is zero; 0 for a single one.
fn expected_best(trials: usize, variance: f64) -> f64 {
    let count = trials as f64;
    let first = normal::quantile(1.0 - 1.0 / count);
    let second = normal::quantile(1.0 - 1.0 / (count * std::f64::consts::E));
    match first.zip(second) {
        Some((first, second)) => {
            let best = (1.0 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second;
            variance.sqrt() * best
        }
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// The numerical example of the paper: an annual ratio of 2.5 over five years of 250 days,
    /// skewness −3, kurtosis 10, the best of 100 trials with an annual variance of one half.
    #[test]
    fn the_example_of_the_paper_is_met() {
        let sample = SharpeSample {
            sharpe: 2.5 / 250.0_f64.sqrt(),
            skewness: -3.0,
            kurtosis: 10.0,
            observations: 1250,
        };
        assert!((expected_best(100, 0.5 / 250.0) - 0.1132).abs() < 1e-4);
        let deflated = deflated_sharpe(sample, 100, 0.5 / 250.0).unwrap().unwrap();
        assert!((deflated - 0.9004).abs() < 1e-4, "{deflated}");
    }

    #[test]
    fn one_trial_deflates_nothing() {
        let sample = SharpeSample { sharpe: 0.1, skewness: 0.0, kurtosis: 3.0, observations: 100 };
        let deflated = deflated_sharpe(sample, 1, 1.0).unwrap();
        assert_eq!(deflated, probabilistic_sharpe(sample, 0.0));
        assert!(deflated_sharpe(sample, 0, 1.0).is_err());
        assert!(deflated_sharpe(sample, 5, -1.0).is_err());
    }
}
