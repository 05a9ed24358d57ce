//! Figures of performance against empyrical-reloaded 0.7.1 and quantstats 0.0.86 on random series.
//! `scripts/backtest-fixtures.py` writes the reference.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use alphafleet_backtest::analysis::{
    Convention, RelativeFigures, ReturnFigures, TradeMasterFigures, drawdowns,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    returns: Vec<f64>,
    benchmark: Vec<f64>,
    bars_per_year: f64,
    risk_free: f64,
    empyrical: BTreeMap<String, f64>,
    quantstats: BTreeMap<String, f64>,
}

fn ours(case: &Case, name: &str) -> Option<f64> {
    let convention = Convention { bars_per_year: case.bars_per_year, risk_free: case.risk_free };
    let own = ReturnFigures::of(&case.returns, convention);
    let relative = RelativeFigures::of(&case.returns, &case.benchmark, convention).unwrap();
    match name {
        "total_return" => own.total_return,
        "annual_return" => own.annual_return,
        "annual_volatility" => own.annual_volatility,
        "sharpe" => own.sharpe,
        "sortino" => own.sortino,
        "calmar" => own.calmar,
        "max_drawdown" => own.max_drawdown.map(|fall| fall.depth),
        "value_at_risk" => own.value_at_risk,
        "conditional_value_at_risk" => own.conditional_value_at_risk,
        "positive_bars" => own.positive_bars,
        "best" => own.best,
        "worst" => own.worst,
        "beta" => relative.beta,
        "alpha" => relative.alpha,
        "information_ratio" => relative.information_ratio,
        other => panic!("{other} is not a figure"),
    }
}

#[test]
fn figures_are_those_of_the_usual_packages() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("data/figures.json")).unwrap();
    let mut compared = 0;
    for case in &cases {
        for (name, theirs) in case.empyrical.iter().chain(&case.quantstats) {
            let ours = ours(case, name).unwrap();
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{name}: {ours} {theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 18);
}

#[test]
fn drawdowns_have_a_beginning_and_an_end() {
    let falls = drawdowns(&[-0.1, 0.2, 0.1, -0.5, 0.2, 1.0, -0.1]);
    let places: Vec<_> = falls.iter().map(|f| (f.peak, f.trough, f.recovered, f.length)).collect();
    let expected = [(None, 0, Some(1), 2), (Some(2), 3, Some(5), 3), (Some(5), 6, None, 1)];
    assert_eq!(places, expected);
    assert!((falls[1].depth + 0.5).abs() < 1e-12);
    assert!(drawdowns(&[0.1, 0.0, 0.2]).is_empty());
}

#[test]
fn what_is_not_defined_is_none() {
    let convention = Convention::default();
    let none = ReturnFigures::of(&[], convention);
    assert_eq!((none.total_return, none.sharpe, none.value_at_risk), (None, None, None));
    let still = ReturnFigures::of(&[0.0; 5], convention);
    assert_eq!((still.total_return, still.annual_volatility), (Some(0.0), Some(0.0)));
    assert_eq!((still.sharpe, still.sortino, still.calmar), (None, None, None));
    assert_eq!((still.skewness, still.max_drawdown, still.positive_bars), (None, None, None));
    // Once everything is lost there is no yearly rate.
    assert_eq!(ReturnFigures::of(&[0.1, -1.5], convention).annual_return, None);
    let unequal = RelativeFigures::of(&[0.1], &[0.1, 0.2], convention);
    assert_eq!(unequal.unwrap_err().code(), "shape_mismatch");
    let flat = RelativeFigures::of(&[0.1, 0.2], &[0.0, 0.0], convention).unwrap();
    assert_eq!((flat.beta, flat.alpha, flat.correlation), (None, None, None));
}

/// Worked out by hand: returns 0.1, −0.1, 0.2, −0.05 of 100.
#[test]
fn trademaster_counts_its_own_way() {
    let equity = [100.0, 110.0, 99.0, 118.8, 112.86];
    let weights: [&[f64]; 2] = [&[0.5, 0.5], &[1.0]];
    let figures = TradeMasterFigures::of(&equity, weights);
    let near = |found: Option<f64>, expected: f64| {
        let found = found.unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    };
    let variance =
        (0.0625_f64.powi(2) + 0.1375_f64.powi(2) + 0.1625_f64.powi(2) + 0.0875_f64.powi(2)) / 4.0;
    near(figures.total_return, 0.1286);
    near(figures.volatility, variance.sqrt());
    near(figures.sharpe, 0.1286 * 252.0_f64.sqrt() / (variance.sqrt() * 5.0_f64.sqrt()));
    near(figures.max_drawdown, 0.1);
    near(figures.calmar, 1.5);
    near(figures.sortino, 0.15 / 0.025 / 5.0_f64.sqrt());
    near(figures.entropy, 2.0_f64.ln() / 2.0);
}
