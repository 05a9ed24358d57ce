/// Shares of the variance below this are no exponential.
const LEAST_R_SQUARED: f64 = 0.5;
const LEAST_HORIZONS: usize = 3;

/// See [`HalfLife`](super::report::HalfLife). `means` are horizons with their mean IC.
pub(super) fn half_life(means: &[(usize, Option<f64>)]) -> Option<f64> {
    let known: Vec<(f64, f64)> =
        means.iter().filter_map(|(horizon, mean)| Some((*horizon as f64, (*mean)?))).collect();
    let sign = known.first()?.1.signum();
    if known.len() < LEAST_HORIZONS || known.iter().any(|(_, mean)| mean * sign <= 0.0) {
        return None;
    }
    let points: Vec<(f64, f64)> = known.iter().map(|(x, mean)| (*x, mean.abs().ln())).collect();
    let (slope, r_squared) = line(&points)?;
    let bars = std::f64::consts::LN_2 / -slope;
    (slope < 0.0 && r_squared >= LEAST_R_SQUARED && bars.is_finite()).then_some(bars)
}

/// Slope and R² of the least-squares line.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|point| point.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|point| point.1).sum::<f64>() / n;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        xx += (x - mean_x).powi(2);
        xy += (x - mean_x) * (y - mean_y);
        yy += (y - mean_y).powi(2);
    }
    (xx > 0.0 && yy > 0.0).then(|| (xy / xx, xy * xy / (xx * yy)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn an_exponential_is_found_again() {
        for sign in [1.0, -1.0] {
            let mean = |horizon: usize| sign * 0.08 * 0.5_f64.powf(horizon as f64 / 6.0);
            let means = [1, 2, 5, 10, 20].map(|horizon| (horizon, Some(mean(horizon))));
            assert!((half_life(&means).unwrap() - 6.0).abs() < 1e-9);
        }
    }

    #[test]
    fn what_does_not_decay_has_none() {
        let cases: [&[(usize, f64)]; 5] = [
            &[(1, 0.08), (2, 0.04)],
            &[(1, 0.08), (2, -0.04), (5, 0.02)],
            &[(1, 0.02), (2, 0.03), (5, 0.06)],
            &[(1, 0.05), (2, 0.01), (3, 0.05), (4, 0.01), (5, 0.05)],
            &[(1, 0.05), (2, 0.05), (3, 0.05)],
        ];
        for case in cases {
            let means: Vec<_> = case.iter().map(|(at, mean)| (*at, Some(*mean))).collect();
            assert_eq!(half_life(&means), None, "{case:?}");
        }
        assert_eq!(half_life(&[(1, None), (2, Some(0.1)), (5, Some(0.05))]), None);
    }
}
