use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::statistics::mean;
use crate::BacktestError;
use crate::range::Given;

/// Numbers a check may draw at most: resamples · bars · strategies.
const MOST_DRAWS: f64 = 1e10;

/// How the reality check resamples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RealityCheckConfig {
    #[schemars(range(min = 1, max = 1_000_000))]
    pub resamples: usize,
    /// Mean length of a block in bars; blocks keep what hangs together in time.
    pub mean_block: f64,
    pub seed: u64,
}

impl Default for RealityCheckConfig {
    fn default() -> Self {
        Self { resamples: 1_000, mean_block: 10.0, seed: 0 }
    }
}

/// Outcome of a reality check.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RealityCheck {
    /// The strategy with the highest mean.
    pub best: usize,
    /// Its mean excess return, times the root of the bars.
    pub statistic: f64,
    /// Part of the resamples whose best is at least as good: the probability of this statistic if
    /// no strategy beat the benchmark.
    pub p_value: f64,
}

/// White's reality check (2000) with the stationary bootstrap of Politis and Romano (1994):
/// whether the best of several strategies beats the benchmark beyond what searching explains.
/// `excess` holds one series of returns above the benchmark a strategy tried, all of one length.
///
/// Refused: no strategy, series of different lengths or with less than two bars, what is not
/// finite.
pub fn reality_check(
    excess: &[Vec<f64>],
    config: RealityCheckConfig,
) -> Result<RealityCheck, BacktestError> {
    let bars = check(excess, config)?;
    let means: Vec<f64> = excess.iter().map(|series| mean(series).unwrap_or(0.0)).collect();
    let root = (bars as f64).sqrt();
    let (best, highest) = means
        .iter()
        .copied()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .ok_or(BacktestError::EmptySignal)?;
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed);
    let mut order = vec![0; bars];
    let mut reached = 0;
    for _ in 0..config.resamples {
        resample(&mut order, config.mean_block, &mut rng);
        let drawn = excess.iter().zip(&means).map(|(series, mean)| {
            order.iter().map(|&bar| series[bar]).sum::<f64>() / bars as f64 - mean
        });
        let best_drawn = drawn.fold(f64::NEG_INFINITY, f64::max);
        reached += usize::from(best_drawn >= highest);
    }
    let p_value = reached as f64 / config.resamples as f64;
    Ok(RealityCheck { best, statistic: highest * root, p_value })
}

fn check(excess: &[Vec<f64>], config: RealityCheckConfig) -> Result<usize, BacktestError> {
    let bars = excess.first().map_or(0, Vec::len);
    Given("strategies", excess.len() as f64).check(|count| count >= 1.0, "at least 1")?;
    Given("bars", bars as f64).check(|count| count >= 2.0, "at least 2")?;
    Given("resamples", config.resamples as f64)
        .check(|count| (1.0..=1e6).contains(&count), "from 1 to 1,000,000")?;
    Given("mean_block", config.mean_block).check(|block| block >= 1.0, "at least 1")?;
    let draws = config.resamples as f64 * bars as f64 * excess.len() as f64;
    Given("resamples · bars · strategies", draws).check(|d| d <= MOST_DRAWS, "at most 1e10")?;
    for series in excess {
        let (expected, found) = (bars, series.len());
        if expected != found {
            return Err(BacktestError::Shape { what: "an excess return series", expected, found });
        }
        if let Some(&value) = series.iter().find(|value| !value.is_finite()) {
            let (field, expected) = ("an excess return", "a finite number");
            return Err(BacktestError::OutOfRange { field, value, expected });
        }
    }
    Ok(bars)
}

/// Blocks of geometric length from random places, around the end to the start.
fn resample(order: &mut [usize], mean_block: f64, rng: &mut ChaCha8Rng) {
    let bars = order.len();
    let mut at = rng.random_range(0..bars);
    for slot in order {
        *slot = at;
        at = match rng.random_bool(1.0 / mean_block) {
            true => rng.random_range(0..bars),
            false => (at + 1) % bars,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn noise(seed: u64, drift: f64) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..400).map(|_| rng.random_range(-0.01..0.01) + drift).collect()
    }

    #[test]
    fn skill_is_told_from_luck() {
        let luck: Vec<_> = (0..20).map(|seed| noise(seed, 0.0)).collect();
        let config = RealityCheckConfig::default();
        let without = reality_check(&luck, config).unwrap();
        assert!(without.p_value > 0.1, "{without:?}");
        let mut with = luck;
        with.push(noise(99, 0.002));
        let found = reality_check(&with, config).unwrap();
        assert_eq!(found.best, 20);
        assert!(found.p_value < 0.01, "{found:?}");
        assert_eq!(reality_check(&with, config).unwrap(), found);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let config = RealityCheckConfig::default();
        let code = |excess: &[Vec<f64>], config| reality_check(excess, config).unwrap_err().code();
        assert_eq!(code(&[], config), "out_of_range");
        assert_eq!(code(&[vec![0.0; 3], vec![0.0; 2]], config), "shape_mismatch");
        assert_eq!(code(&[vec![0.0, f64::NAN]], config), "out_of_range");
        let none = RealityCheckConfig { resamples: 0, ..config };
        assert_eq!(code(&[vec![0.0; 3]], none), "out_of_range");
    }
}
