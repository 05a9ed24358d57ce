use super::covariance::Covariance;

const MOST_SWEEPS: usize = 1_000;
const TOLERANCE: f64 = 1e-10;

/// Weights that add up to 1 and share risk equally: every `wᵢ (Σw)ᵢ` is the same.
///
/// Cyclical coordinate descent on `½ x'Σx − Σ ln(xᵢ) / n` (Griveau-Billion, Richard and Roncalli
/// 2013), whose minimum is a multiple of the weights. None where a variance is not positive.
pub(crate) fn risk_parity(covariance: &Covariance) -> Option<Vec<f64>> {
    let size = covariance.size();
    let budget = 1.0 / size as f64;
    if !(0..size).all(|i| covariance.variance(i) > 0.0) {
        return None;
    }
    let mut x: Vec<f64> = (0..size).map(|i| budget / covariance.variance(i).sqrt()).collect();
    for _ in 0..MOST_SWEEPS {
        let mut moved = 0.0_f64;
        for i in 0..size {
            let variance = covariance.variance(i);
            let others = super::covariance::dot(covariance.row(i), &x) - variance * x[i];
            let root = (others * others + 4.0 * variance * budget).sqrt();
            let next = (root - others) / (2.0 * variance);
            moved = moved.max((next / x[i] - 1.0).abs());
            x[i] = next;
        }
        if moved < TOLERANCE {
            break;
        }
    }
    let sum: f64 = x.iter().sum();
    let weights: Vec<f64> = x.iter().map(|value| value / sum).collect();
    weights.iter().all(|weight| weight.is_finite()).then_some(weights)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn risk_is_shared_equally() {
        let wave = |speed: f64, size: f64| -> Vec<f64> {
            (0..200).map(|t| size * (f64::from(t) * speed).sin()).collect()
        };
        let mut series = vec![wave(0.7, 0.01), wave(1.3, 0.03), wave(2.1, 0.02)];
        let mixed = series[0].iter().zip(&series[1]).map(|(a, b)| a + 0.5 * b).collect();
        series.push(mixed);
        let covariance = Covariance::of(&series, 0.05);
        let weights = risk_parity(&covariance).unwrap();
        let risk: Vec<f64> =
            weights.iter().zip(covariance.times(&weights)).map(|(w, s)| w * s).collect();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(risk.iter().all(|share| (share / risk[0] - 1.0).abs() < 1e-6), "{risk:?}");
    }

    #[test]
    fn two_instruments_go_by_inverse_volatility() {
        let series = vec![vec![0.01, -0.01, 0.02, -0.02], vec![0.03, 0.03, -0.03, -0.03]];
        let covariance = Covariance::of(&series, 0.3);
        let weights = risk_parity(&covariance).unwrap();
        let (a, b) = (covariance.variance(0).sqrt(), covariance.variance(1).sqrt());
        assert!((weights[0] - b / (a + b)).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_move_has_no_risk_to_share() {
        assert_eq!(risk_parity(&Covariance::of(&[vec![0.0; 5], vec![0.1, 0.2]], 0.0)), None);
    }
}
