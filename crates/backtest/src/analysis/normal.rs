//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Probability of a value up to `x`.
pub(crate) fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The value below which `probability`, between 0 and 1, lies. Bisection finds it to a millionth
/// and Newton's method to rounding.
pub(crate) fn quantile(probability: f64) -> Option<f64> {
    if !(probability > 0.0 && probability < 1.0) {
        return None;
    }
    let (mut low, mut high) = (-40.0, 40.0);
    while high - low > 1e-6 {
        let middle = (low + high) / 2.0;
        if cumulative(middle) < probability { low = middle } else { high = middle }
    }
    let mut x: f64 = (low + high) / 2.0;
    for _ in 0..3 {
        let density = (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
        if density > 0.0 {
            x -= (cumulative(x) - probability) / density;
        }
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn quantiles_undo_probabilities() {
        for (probability, x) in [(0.5, 0.0), (0.975, 1.959963984540054), (0.99, 2.3263478740408408)]
        {
            assert!((quantile(probability).unwrap() - x).abs() < 1e-12);
            assert!((quantile(1.0 - probability).unwrap() + x).abs() < 1e-12);
        }
        assert_eq!((quantile(0.0), quantile(1.0), quantile(f64::NAN)), (None, None, None));
    }
}
