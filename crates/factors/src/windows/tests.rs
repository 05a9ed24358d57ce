#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::accumulate::{mean, sum, var};
use super::order::{arg_max, arg_min, count, max, median, min, rank};
use super::regress::{residual, slope};
use super::shape::mean_deviation;
use super::*;

fn series() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        6 => -50.0..50.0f64,
        2 => (-3i32..4).prop_map(f64::from),
        1 => Just(f64::NAN),
    ];
    prop::collection::vec(value, 0..60)
}

fn naive(values: &[f64], window: usize, of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let window_at = |bar: usize| {
        let start = if window == 0 { 0 } else { (bar + 1).saturating_sub(window) };
        let mut present = values[start..=bar].to_vec();
        present.retain(|value| !value.is_nan());
        present
    };
    (0..values.len())
        .map(|bar| match window_at(bar) {
            present if present.is_empty() => f64::NAN,
            present => of(&present),
        })
        .collect()
}

fn average(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn variance(x: &[f64]) -> f64 {
    let mean = average(x);
    let squares = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    if x.len() < 2 { f64::NAN } else { squares / (x.len() - 1) as f64 }
}

fn ascending(x: &[f64]) -> Vec<f64> {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn same(ours: &[f64], reference: &[f64]) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), reference.len());
    for (bar, (a, b)) in ours.iter().zip(reference).enumerate() {
        let fits = (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        prop_assert!(fits, "bar {bar}: {a}, expected {b}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn sums_equal_the_naive_ones(x in series(), w in 0usize..12) {
        same(&sum(&x, w), &naive(&x, w, |x| x.iter().sum()))?;
        same(&mean(&x, w), &naive(&x, w, average))?;
        same(&var(&x, w), &naive(&x, w, variance))?;
        same(&mean_deviation(&x, w), &naive(&x, w, |x| {
            let mean = average(x);
            average(&x.iter().map(|v| (v - mean).abs()).collect::<Vec<_>>())
        }))?;
    }

    #[test]
    fn orders_equal_the_naive_ones(x in series(), w in 0usize..12, q in 0.0..=1.0f64) {
        same(&max(&x, w), &naive(&x, w, |x| x.iter().copied().fold(f64::MIN, f64::max)))?;
        same(&min(&x, w), &naive(&x, w, |x| x.iter().copied().fold(f64::MAX, f64::min)))?;
        same(&median(&x, w), &quantile(&x, w, 0.5))?;
        same(&quantile(&x, w, q), &naive(&x, w, |x| {
            let (sorted, place) = (ascending(x), q * (x.len() - 1) as f64);
            let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            low + (high - low) * place.fract()
        }))?;
        let counts: Vec<f64> = naive(&x, w, |x| x.len() as f64);
        same(&count(&x, w), &counts.iter().map(|n| n.max(0.0)).collect::<Vec<_>>())?;
    }

    #[test]
    fn ranks_are_mean_places(x in series(), w in 1usize..12) {
        let ours = rank(&x, w);
        for (bar, rank) in ours.iter().enumerate() {
            let window = &x[(bar + 1).saturating_sub(w)..=bar];
            let present: Vec<f64> = window.iter().copied().filter(|v| !v.is_nan()).collect();
            let below = present.iter().filter(|v| **v < x[bar]).count() as f64;
            let equal = present.iter().filter(|v| **v == x[bar]).count() as f64;
            let expected = (below + (equal + 1.0) / 2.0) / present.len() as f64;
            let near = (rank - expected).abs() < 1e-12;
            prop_assert!(near || (x[bar].is_nan() && rank.is_nan()));
        }
    }

    #[test]
    fn regressions_equal_least_squares(x in series(), w in 0usize..12) {
        let (slopes, residuals) = (slope(&x, w), residual(&x, w));
        for bar in 0..x.len() {
            let start = if w == 0 { 0 } else { (bar + 1).saturating_sub(w) };
            let points: Vec<(f64, f64)> = (start..=bar)
                .filter(|&t| !x[t].is_nan()).map(|t| (t as f64, x[t])).collect();
            if points.len() < 2 {
                continue;
            }
            let mean_t = average(&points.iter().map(|p| p.0).collect::<Vec<_>>());
            let mean_y = average(&points.iter().map(|p| p.1).collect::<Vec<_>>());
            let ty: f64 = points.iter().map(|p| (p.0 - mean_t) * (p.1 - mean_y)).sum();
            let tt: f64 = points.iter().map(|p| (p.0 - mean_t).powi(2)).sum();
            prop_assert!((slopes[bar] - ty / tt).abs() < 1e-7, "{} {}", slopes[bar], ty / tt);
            let expected = x[bar] - (mean_y + ty / tt * (bar as f64 - mean_t));
            prop_assert!(x[bar].is_nan() || (residuals[bar] - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn correlations_stay_within_one(x in series(), w in 2usize..12) {
        let y: Vec<f64> = x.iter().map(|v| 3.0 - 2.0 * v).collect();
        for value in corr(&x, &y, w).into_iter().filter(|v| !v.is_nan()) {
            prop_assert!((value + 1.0).abs() < 1e-6, "{value}");
        }
        same(&cov(&x, &x, w), &naive(&x, w, variance))?;
    }
}

#[test]
fn a_missing_value_is_the_first_extreme() {
    let x = [3.0, f64::NAN, 5.0, 4.0, 4.5];
    assert_eq!(arg_max(&x, 3), [1.0, 2.0, 2.0, 1.0, 1.0]);
    assert_eq!(arg_min(&x, 3), [1.0, 2.0, 2.0, 1.0, 2.0]);
}

#[test]
fn constant_windows_are_answered_without_rounding() {
    let mut x = vec![1e9, 0.3, 1e-7];
    x.extend([0.1; 6]);
    assert_eq!(var(&x, 4).last(), Some(&0.0));
    assert_eq!(sum(&x, 4).last(), Some(&0.4));
    assert_eq!(mean(&x, 4).last(), Some(&0.1));
}
