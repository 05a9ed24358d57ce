#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;

use super::*;
use crate::adjust::{Adjustment, adjust};
use crate::checks::{CheckRules, check_panel};
use crate::finding::FindingCode;

/// Mean daily correlation of the planted signal with the next-next day's return, and its
/// standard error.
fn measured_ic(panel: &Panel) -> (f64, f64) {
    let signal = planted_signal(panel);
    let (panel, _) = adjust(panel.clone(), Adjustment::Backward).unwrap();
    let bars = panel.calendar().len();
    let mut daily = Vec::new();
    for bar in 0..bars - 2 {
        let mut pairs = Vec::new();
        for instrument in 0..panel.instruments().len() {
            let close = panel.series("close", instrument).unwrap();
            let label = close[bar + 2] / close[bar + 1] - 1.0;
            let score = signal[instrument * bars + bar];
            if label.is_finite() && score.is_finite() {
                pairs.push((score, label));
            }
        }
        if pairs.len() > 10 {
            daily.push(correlation(&pairs));
        }
    }
    let count = daily.len() as f64;
    let mean = daily.iter().sum::<f64>() / count;
    let variance = daily.iter().map(|ic| (ic - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let mean_a = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
    let mean_b = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

#[test]
fn the_signal_has_the_strength_asked_for() {
    for (seed, signal) in [(1, 0.0), (2, 0.05), (3, 0.1), (4, -0.05), (5, 0.0)] {
        let market =
            SyntheticMarket { instruments: 150, bars: 900, seed, signal, ..Default::default() };
        let (ic, error) = measured_ic(&market.generate().unwrap());
        assert!(error < 0.006, "{error}");
        assert!((ic - signal).abs() < 3.0 * error, "asked {signal}, got {ic} ± {error}");
    }
}

#[test]
fn a_market_has_what_real_ones_have() {
    let market = SyntheticMarket { instruments: 80, bars: 800, split: 0.002, ..Default::default() };
    let panel = market.generate().unwrap();
    let late = (0..80).filter(|&i| panel.listed(i).start > 0).count();
    assert!((3..40).contains(&late), "{late} late listings");
    let missing = (0..80)
        .map(|i| panel.listed(i).filter(|&bar| !panel.has_bar(i, bar)).count())
        .sum::<usize>();
    assert!(missing > 50, "{missing} suspended days");
    assert!(panel.field("factor").unwrap().iter().any(|&factor| factor >= 2.0), "no split");
    let findings = check_panel(&panel, &CheckRules::default());
    for finding in findings {
        assert!(matches!(finding.code, FindingCode::FlatBar | FindingCode::Gap), "{finding}");
    }
}

#[test]
fn volatility_clusters() {
    let market = SyntheticMarket {
        instruments: 30,
        bars: 2000,
        late_listings: 0.0,
        suspension: 0.0,
        split: 0.0,
        ..Default::default()
    };
    let panel = market.generate().unwrap();
    let mut sum = 0.0;
    for instrument in 0..30 {
        let close = panel.series("close", instrument).unwrap();
        let moves: Vec<f64> = close.windows(2).map(|pair| (pair[1] / pair[0]).ln().abs()).collect();
        let pairs: Vec<_> = moves.windows(2).map(|pair| (pair[0], pair[1])).collect();
        sum += correlation(&pairs);
    }
    assert!(sum / 30.0 > 0.04, "{}", sum / 30.0);
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let refused = |market: SyntheticMarket| market.generate().unwrap_err().to_string();
    let base = SyntheticMarket::default;
    assert!(refused(SyntheticMarket { signal: 1.0, ..base() }).starts_with("signal"));
    assert!(refused(SyntheticMarket { signal: f64::NAN, ..base() }).starts_with("signal"));
    assert!(refused(SyntheticMarket { bars: 0, ..base() }).starts_with("instruments, bars"));
    assert!(refused(SyntheticMarket { instruments: usize::MAX, ..base() }).starts_with("instru"));
    assert!(refused(SyntheticMarket { split: 1.5, ..base() }).starts_with("split"));
    assert!(
        refused(SyntheticMarket {
            bars: 3_000_000,
            instruments: 1,
            start: chrono::NaiveDate::from_ymd_opt(262_000, 1, 1).unwrap(),
            ..base()
        })
        .contains("calendar")
    );
}

fn bits(panel: &Panel) -> Vec<u64> {
    panel
        .field_names()
        .flat_map(|name| panel.field(name).unwrap().iter().map(|value| value.to_bits()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_same_seed_gives_the_same_bytes(seed: u64, instruments in 1usize..12, bars in 1usize..60) {
        let market = SyntheticMarket { instruments, bars, seed, ..Default::default() };
        let (first, second) = (market.generate().unwrap(), market.generate().unwrap());
        prop_assert_eq!(first.calendar(), second.calendar());
        prop_assert_eq!(bits(&first), bits(&second));
        let other = SyntheticMarket { seed: seed ^ 1, ..market }.generate().unwrap();
        prop_assert_ne!(bits(&first), bits(&other));
    }
}
