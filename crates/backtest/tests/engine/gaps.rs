//! Bars that an instrument does not have: windows count those it has, and nothing is sold for one.

use alphafleet_backtest::strategies::{
    MeanReversion, MeanReversionConfig, Momentum, MomentumConfig, MovingAverageCross,
    MovingAverageCrossConfig, Pairs, PairsConfig, Sizing, Weighting, Weights, WeightsConfig,
};
use alphafleet_backtest::{AccountConfig, BacktestResult, Config, DealPrice, Strategy};

use crate::support::{GONE, Row, flat, panel, play};

fn same_close(config: Config) -> Config {
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    Config { account, deal_price: DealPrice::SameClose, ..config }
}

/// A wave that crosses its means often.
fn wave(length: usize, pace: f64) -> Vec<f64> {
    let price = |bar: usize| 100.0 + 9.0 * (bar as f64 * pace).sin() + bar as f64 / 10.0;
    (0..length).map(price).collect()
}

/// The rows with bars that are gone before each of these places.
fn with_gaps(rows: &[Row], places: &[usize]) -> Vec<Row> {
    let mut all = Vec::new();
    for (at, &row) in rows.iter().enumerate() {
        all.extend(places.iter().filter(|&&place| place == at).map(|_| GONE));
        all.push(row);
    }
    all
}

const GAPS: [usize; 9] = [2, 7, 8, 8, 8, 15, 21, 33, 46];

/// The bar of the series without gaps.
fn without_gaps(bar: usize, rows: &[Row]) -> usize {
    rows[..bar].iter().filter(|row| !row[3].is_nan()).count()
}

fn dealt(result: &BacktestResult) -> Vec<(usize, f64)> {
    result.fills.iter().map(|fill| (fill.bar, fill.side.sign() * fill.quantity)).collect()
}

fn check_windows_count_bars(strategy: &dyn Fn() -> Box<dyn Strategy>) {
    let whole = flat(&wave(60, 0.5));
    let rows = with_gaps(&whole, &GAPS);
    let quiet = flat(&vec![1.0; rows.len()]);
    let expected = dealt(&play(panel(&[&whole]), same_close, strategy().as_mut()));
    assert!(expected.len() > 6, "{expected:?}");
    let found = play(panel(&[&rows, &quiet]), same_close, strategy().as_mut());
    let found: Vec<_> = dealt(&found)
        .into_iter()
        .map(|(bar, quantity)| (without_gaps(bar, &rows), quantity))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn means_count_the_bars_there_are() {
    check_windows_count_bars(&|| {
        let sizing = Sizing::Quantity(10.0);
        let config = MovingAverageCrossConfig { fast: 3, slow: 8, sizing, short: true };
        Box::new(MovingAverageCross::new(config).unwrap())
    });
}

#[test]
fn standard_scores_count_the_bars_there_are() {
    check_windows_count_bars(&|| {
        let sizing = Sizing::Quantity(10.0);
        let config = MeanReversionConfig { window: 6, entry: 1.0, exit: 0.2, short: true, sizing };
        Box::new(MeanReversion::new(config).unwrap())
    });
}

#[test]
fn a_spread_counts_the_bars_of_both() {
    let (first, second) = (flat(&wave(60, 0.5)), flat(&wave(60, 0.31)));
    let pairs = || {
        let (first, second) = ("A".to_owned(), "B".to_owned());
        let config = PairsConfig { first, second, window: 8, entry: 0.8, exit: 0.2, weight: 0.3 };
        Pairs::new(config).unwrap()
    };
    let plain = play(panel(&[&first, &second]), same_close, &mut pairs());
    assert!(plain.fills.len() > 6);
    // On a bar that one does not have, the price of the other does not count.
    let (mut a, mut b) = (with_gaps(&first, &GAPS), with_gaps(&second, &GAPS));
    let gaps: Vec<usize> = (0..a.len()).filter(|&bar| a[bar][3].is_nan()).collect();
    for (turn, &bar) in gaps.iter().enumerate() {
        let held = [[300.0, 300.0, 300.0, 300.0, 1e6], GONE];
        (a[bar], b[bar]) = (held[turn % 2], held[1 - turn % 2]);
    }
    let found = play(panel(&[&a, &b]), same_close, &mut pairs());
    let bars = |result: &BacktestResult, place: &dyn Fn(usize) -> usize| {
        let fills = result.fills.iter();
        fills.map(|fill| (place(fill.bar), fill.instrument, fill.side)).collect::<Vec<_>>()
    };
    let place = |bar: usize| bar - gaps.iter().filter(|&&gap| gap < bar).count();
    assert_eq!(bars(&found, &place), bars(&plain, &|bar| bar));
}

fn held(result: &BacktestResult, step: usize) -> Vec<usize> {
    result.positions.at(step).iter().map(|held| held.instrument as usize).collect()
}

#[test]
fn momentum_takes_the_last_known_closes() {
    let mut up = flat(&[10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    let down = flat(&[10.0, 9.5, 9.0, 8.5, 8.0, 7.5]);
    let config = MomentumConfig { window: 2, skip: 0, topk: 1, every: 1, exposure: 0.5 };
    let run = |rows: &[Row]| {
        let mut strategy = Momentum::new(config).unwrap();
        play(panel(&[rows, &down]), same_close, &mut strategy)
    };
    // Without bar 1 there is still a close before: at bar 3 the first rose from 10 to 13.
    up[1] = GONE;
    let result = run(&up);
    let days: Vec<_> = (0..6).map(|step| held(&result, step)).collect();
    assert_eq!(days, [vec![], vec![], vec![0], vec![0], vec![0], vec![0]]);
    // Held, it is not sold for a bar that is missing at a choice; not held, it is not bought then.
    up[3] = GONE;
    let result = run(&up);
    assert!((2..6).all(|step| held(&result, step) == [0]));
    up[2] = GONE;
    let result = run(&up);
    assert_eq!((held(&result, 2), held(&result, 3)), (vec![1], vec![1]));
    assert_eq!(held(&result, 4), [0]);
}

#[test]
fn weights_of_risk_keep_what_lacks_a_bar() {
    for weighting in [
        Weighting::RiskParity { window: 8, shrinkage: 0.1 },
        Weighting::MeanVariance { window: 8, shrinkage: 0.1, risk_aversion: 5.0, max_weight: 0.4 },
    ] {
        let mut rows = flat(&wave(30, 0.5));
        let (second, third) = (flat(&wave(30, 0.31)), flat(&wave(30, 0.83)));
        // Within the window of most choices, and at those of bars 12 and 15.
        (rows[3], rows[12], rows[15]) = (GONE, GONE, GONE);
        let config =
            WeightsConfig { weighting, topk: None, every: 3, exposure: 0.9, tolerance: 0.0 };
        let mut strategy = Weights::new(config.clone(), None).unwrap();
        let result = play(panel(&[&rows, &second, &third]), same_close, &mut strategy);
        for step in 9..30 {
            assert_eq!(held(&result, step), [0, 1, 2], "{step} {config:?}");
        }
    }
}

#[test]
fn equal_weights_keep_what_lacks_a_bar() {
    let mut rows = flat(&wave(12, 0.5));
    rows[6] = GONE;
    let config = WeightsConfig {
        weighting: Weighting::Equal,
        topk: None,
        every: 3,
        exposure: 0.9,
        tolerance: 0.0,
    };
    let mut strategy = Weights::new(config, None).unwrap();
    let change = |config| Config { deal_price: DealPrice::NextOpen, ..same_close(config) };
    let result = play(panel(&[&rows, &flat(&wave(12, 0.31))]), change, &mut strategy);
    for step in 1..12 {
        assert_eq!(held(&result, step), [0, 1], "{step}");
    }
}
