use super::covariance::{Covariance, dot};

const MOST_STEPS: usize = 5_000;
const TOLERANCE: f64 = 1e-9;

/// Weights that maximise `μ'w − γ/2 · w'Σw` under `0 ≤ w ≤ most` and `Σ w = budget`, where the
/// budget is 1, or less if all instruments at their most do not reach it.
///
/// Accelerated projected gradient (Beck and Teboulle 2009); the projection finds its shift by
/// bisection. None where the inputs are not finite.
pub(crate) fn mean_variance(
    expected: &[f64],
    covariance: &Covariance,
    risk_aversion: f64,
    most: f64,
) -> Option<Vec<f64>> {
    let size = expected.len();
    let budget = (most * size as f64).min(1.0);
    // The greatest row sum bounds the greatest eigenvalue (Gershgorin).
    let bound = (0..size)
        .map(|row| covariance.row(row).iter().map(|value| value.abs()).sum::<f64>())
        .fold(0.0, f64::max);
    let scale = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let step = 1.0 / (risk_aversion * bound).max(scale * 1e-3).max(f64::MIN_POSITIVE);
    let mut weights = vec![budget / size as f64; size];
    let (mut ahead, mut momentum) = (weights.clone(), 1.0_f64);
    for _ in 0..MOST_STEPS {
        let risk = covariance.times(&ahead);
        let moved: Vec<f64> =
            (0..size).map(|i| ahead[i] + step * (expected[i] - risk_aversion * risk[i])).collect();
        let next = project(&moved, most, budget)?;
        let change: Vec<f64> = next.iter().zip(&weights).map(|(a, b)| a - b).collect();
        let back: Vec<f64> = ahead.iter().zip(&next).map(|(a, b)| a - b).collect();
        // Going uphill, momentum is dropped (O'Donoghue and Candès 2015).
        if dot(&back, &change) > 0.0 {
            momentum = 1.0;
        }
        let faster = (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) / 2.0;
        let carry = (momentum - 1.0) / faster;
        ahead = next.iter().zip(&change).map(|(next, change)| next + carry * change).collect();
        (weights, momentum) = (next, faster);
        if back.iter().all(|distance| distance.abs() < TOLERANCE) {
            break;
        }
    }
    Some(weights)
}

/// The nearest point with `0 ≤ w ≤ most` and the given sum.
fn project(point: &[f64], most: f64, budget: f64) -> Option<Vec<f64>> {
    let shifted = |shift: f64| point.iter().map(move |value| (value - shift).clamp(0.0, most));
    let mut low = point.iter().copied().fold(f64::INFINITY, f64::min) - most;
    let mut high = point.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return None;
    }
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if shifted(middle).sum::<f64>() > budget { low = middle } else { high = middle }
    }
    Some(shifted((low + high) / 2.0).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sample() -> (Vec<f64>, Covariance) {
        let series: Vec<Vec<f64>> = (0..5)
            .map(|i| {
                let speed = 0.37 + 0.61 * f64::from(i);
                (0..250).map(|t| 0.01 * f64::from(i + 1) * (f64::from(t) * speed).sin()).collect()
            })
            .collect();
        (vec![2e-4, 5e-4, 1e-4, 9e-4, -3e-4], Covariance::of(&series, 0.1))
    }

    /// First-order conditions: inside the box all marginal gains are the same, at zero they are
    /// smaller and at the most greater.
    #[test]
    fn conditions_of_the_optimum_hold() {
        let (expected, covariance) = sample();
        for (aversion, most) in [(1.0, 1.0), (5.0, 0.4), (20.0, 0.3), (100.0, 1.0)] {
            let weights = mean_variance(&expected, &covariance, aversion, most).unwrap();
            assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            let risk = covariance.times(&weights);
            let gain = |i: usize| expected[i] - aversion * risk[i];
            let inside = |&i: &usize| weights[i] > 1e-6 && weights[i] < most - 1e-6;
            let level = (0..5).filter(inside).map(gain).collect::<Vec<_>>();
            let price = level.first().copied();
            assert!(level.iter().all(|gain| (gain - level[0]).abs() < 1e-7), "{weights:?}");
            for (i, &weight) in weights.iter().enumerate() {
                let Some(price) = price else { continue };
                assert!(weight > 1e-6 || gain(i) <= price + 1e-7);
                assert!(weight < most - 1e-6 || gain(i) >= price - 1e-7);
            }
        }
    }

    #[test]
    fn the_budget_is_what_the_box_allows() {
        let (expected, covariance) = sample();
        let weights = mean_variance(&expected, &covariance, 1.0, 0.1).unwrap();
        assert!(weights.iter().all(|weight| (weight - 0.1).abs() < 1e-9));
        let bad = mean_variance(&[f64::NAN; 5], &covariance, 1.0, 1.0);
        assert_eq!(bad, None);
    }
}
