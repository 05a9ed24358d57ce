use statrs::distribution::{ContinuousCDF, StudentsT};

use super::report::{IcStatistics, SpreadStatistics};

/// A deviation below this share of the mean is rounding: the series does not vary.
const ROUNDING: f64 = 1e-12;

/// Mean and deviation of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Moments {
    mean: f64,
    /// One degree of freedom; `None` for a series that does not vary.
    std: Option<f64>,
}

/// How the Newey–West variance is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// Bars a return spans.
    pub horizon: usize,
    /// Asked for by the options.
    pub lags: Option<usize>,
}

impl Overlap {
    /// At least the horizon less one, at most what `n` values have.
    fn lags(self, n: usize) -> usize {
        let rule = (4.0 * (n as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize;
        self.lags.unwrap_or(rule).max(self.horizon - 1).min(n.saturating_sub(1))
    }
}

pub(super) fn ic_statistics(
    series: &[f64],
    overlap: Overlap,
    periods_per_year: f64,
) -> IcStatistics {
    let n = series.len();
    let Some(Moments { mean, std }) = moments(series) else { return IcStatistics::default() };
    let icir = std.map(|std| mean / std);
    let t = icir.map(|icir| icir * (n as f64).sqrt());
    let lags = overlap.lags(n);
    let t_newey_west = newey_west_t(series, mean, lags).filter(|_| std.is_some());
    IcStatistics {
        bars: n,
        mean: Some(mean),
        std,
        icir,
        icir_annualised: icir.map(|icir| icir * periods_per_year.sqrt()),
        t,
        p_value: t.and_then(|t| p_value(t, n)),
        t_newey_west,
        p_value_newey_west: t_newey_west.and_then(|t| p_value(t, n)),
        newey_west_lags: lags,
        positive: positive(series),
        skew: skew(series, mean).filter(|_| std.is_some()),
    }
}

pub(super) fn spread_statistics(
    series: &[f64],
    overlap: Overlap,
    periods_per_year: f64,
) -> SpreadStatistics {
    let n = series.len();
    let Some(Moments { mean, std }) = moments(series) else { return SpreadStatistics::default() };
    let yearly = (periods_per_year / overlap.horizon as f64).sqrt();
    let t_newey_west = newey_west_t(series, mean, overlap.lags(n)).filter(|_| std.is_some());
    SpreadStatistics {
        bars: n,
        mean: Some(mean),
        std,
        sharpe_annualised: std.map(|std| mean / std * yearly),
        t_newey_west,
        p_value_newey_west: t_newey_west.and_then(|t| p_value(t, n)),
        positive: positive(series),
    }
}

/// The mean, or `None` of nothing.
pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0_usize, 0.0);
    for value in values {
        count += 1;
        sum += value;
    }
    (count > 0).then(|| sum / count as f64)
}

fn moments(series: &[f64]) -> Option<Moments> {
    let mean = mean(series.iter().copied())?;
    let squares: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
    let std = (squares / (series.len() as f64 - 1.0)).sqrt();
    Some(Moments { mean, std: (std > ROUNDING * mean.abs()).then_some(std) })
}

fn positive(series: &[f64]) -> Option<f64> {
    mean(series.iter().map(|&value| f64::from(u8::from(value > 0.0))))
}

/// The mean over `√(S/n)` with `S = γ₀ + 2 Σ (1 − j/(L+1)) γⱼ` and autocovariances over `n`, as
/// statsmodels' HAC covariance without small-sample correction.
fn newey_west_t(series: &[f64], mean: f64, lags: usize) -> Option<f64> {
    let n = series.len() as f64;
    let centred: Vec<f64> = series.iter().map(|value| value - mean).collect();
    let autocovariance =
        |lag: usize| centred.iter().zip(&centred[lag..]).map(|(a, b)| a * b).sum::<f64>() / n;
    let weighted = |lag: usize| (1.0 - lag as f64 / (lags as f64 + 1.0)) * autocovariance(lag);
    let variance = autocovariance(0) + 2.0 * (1..=lags).map(weighted).sum::<f64>();
    let t = mean / (variance / n).sqrt();
    (variance > 0.0 && t.is_finite()).then_some(t)
}

/// Two-sided, of Student's t with `n − 1` degrees of freedom.
fn p_value(t: f64, n: usize) -> Option<f64> {
    let student = StudentsT::new(0.0, 1.0, n.checked_sub(1)? as f64).ok()?;
    let p = 2.0 * student.sf(t.abs());
    p.is_finite().then(|| p.clamp(0.0, 1.0))
}

/// Adjusted Fisher–Pearson skewness `√(n(n−1))/(n−2) · m₃/m₂^1.5`; needs three values.
fn skew(series: &[f64], mean: f64) -> Option<f64> {
    let n = series.len() as f64;
    let moment = |power| series.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n;
    let skew = (n * (n - 1.0)).sqrt() / (n - 2.0) * moment(3) / moment(2).powf(1.5);
    (series.len() > 2 && skew.is_finite()).then_some(skew)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn near(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 1e-9, "{found:?} is not {expected}");
    }

    #[test]
    fn figures_by_hand() {
        let series = [0.1, -0.1, 0.3, 0.1];
        let overlap = Overlap { horizon: 2, lags: Some(0) };
        let found = ic_statistics(&series, overlap, 252.0);
        // mean 0.1; squares 0 + 0.04 + 0.04 + 0; over 3
        let std = (0.08_f64 / 3.0).sqrt();
        near(found.mean, 0.1);
        near(found.std, std);
        near(found.icir, 0.1 / std);
        near(found.icir_annualised, 0.1 / std * 252f64.sqrt());
        near(found.t, 0.1 / std * 2.0);
        // γ₀ = 0.02, γ₁ = (0 − 0.04 + 0)/4 = −0.01, weight ½ twice: S = 0.01
        near(found.t_newey_west, 0.1 / (0.01_f64 / 4.0).sqrt());
        assert_eq!(found.newey_west_lags, 1);
        near(found.positive, 0.75);
        near(found.skew, 0.0);
        // Student's t with 3 degrees: 2·(1 − F(2)) = 0.139326
        assert!((found.p_value_newey_west.unwrap() - 0.139_325_968).abs() < 1e-8);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let overlap = Overlap { horizon: 1, lags: None };
        assert_eq!(ic_statistics(&[], overlap, 252.0), IcStatistics::default());
        for series in [&[0.1][..], &[0.1, 0.1, 0.1]] {
            let found = ic_statistics(series, overlap, 252.0);
            assert_eq!(
                (found.bars, found.std, found.t, found.t_newey_west),
                (series.len(), None, None, None)
            );
            assert_eq!((found.p_value, found.skew, found.positive), (None, None, Some(1.0)));
        }
    }

    #[test]
    fn lags_follow_horizon_and_rule() {
        let lags = |horizon, lags, n| Overlap { horizon, lags }.lags(n);
        assert_eq!(lags(1, None, 100), 4);
        assert_eq!(lags(20, None, 100), 19);
        assert_eq!(lags(5, Some(0), 100), 4);
        assert_eq!(lags(5, Some(9), 100), 9);
        assert_eq!(lags(20, None, 3), 2);
    }
}
