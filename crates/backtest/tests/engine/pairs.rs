//! Pairs: both legs or neither.

use alphafleet_backtest::strategies::{Pairs, PairsConfig};
use alphafleet_backtest::{AccountConfig, BacktestResult, Config};

use crate::support::{GONE, Row, flat, panel, play};

const BARS: usize = 40;

/// The first goes up and down about the second, eight bars a turn.
fn legs() -> [Vec<Row>; 2] {
    let wave = |at: usize| if at % 8 < 4 { 1.1 } else { 0.9 };
    let trend = |at: usize| 1.0 + at as f64 / 50.0;
    let first: Vec<f64> = (0..BARS).map(|at| 10.0 * trend(at) * wave(at)).collect();
    let second: Vec<f64> = (0..BARS).map(|at| 20.0 * trend(at)).collect();
    [flat(&first), flat(&second)]
}

fn run(legs: &[Vec<Row>; 2], change: impl FnOnce(Config) -> Config) -> BacktestResult {
    let mut pairs = Pairs::new(PairsConfig {
        first: "A".to_owned(),
        second: "B".to_owned(),
        window: 8,
        entry: 0.5,
        exit: 0.1,
        weight: 0.2,
    })
    .unwrap();
    let quiet = flat(&[1.0; BARS]);
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| change(Config { account, ..config });
    play(panel(&[&legs[0], &legs[1], &quiet]), change, &mut pairs)
}

/// Bar, instrument and signed quantity of every fill.
fn dealt(result: &BacktestResult) -> Vec<(usize, usize, f64)> {
    let fills = result.fills.iter();
    fills.map(|fill| (fill.bar, fill.instrument, fill.side.sign() * fill.quantity)).collect()
}

/// The bar at which both legs were entered, and the first at which one was left.
fn entered_and_left(result: &BacktestResult) -> (usize, usize) {
    let entered = result.fills[0].bar;
    let left = result.fills.iter().find(|fill| fill.closing > 0.0).unwrap().bar;
    (entered, left)
}

#[test]
fn a_leg_whose_other_is_not_dealt_is_closed() {
    let whole = run(&legs(), |config| config);
    let (entered, _) = entered_and_left(&whole);
    let both: Vec<usize> = dealt(&whole)[..2].iter().map(|fill| fill.1).collect();
    assert_eq!(dealt(&whole)[1].0, entered, "both at one bar");
    assert!(both.contains(&0) && both.contains(&1));
    for kept in [0, 1] {
        // The other has no bar at the entry, nor for the three after it.
        let mut legs = legs();
        legs[1 - kept][entered..entered + 4].fill(GONE);
        let result = run(&legs, |config| config);
        let fills = dealt(&result);
        assert_eq!((fills[0].0, fills[0].1), (entered, kept));
        assert_eq!(fills[1], (entered + 1, kept, -fills[0].2));
        assert!(fills[2..].iter().all(|fill| fill.0 > entered + 4), "{fills:?}");
    }
}

#[test]
fn the_exit_of_both_is_asked_for_until_both_are_flat() {
    let whole = run(&legs(), |config| config);
    let (entered, left) = entered_and_left(&whole);
    for late in [vec![0], vec![1], vec![0, 1]] {
        let mut legs = legs();
        for &leg in &late {
            // Neither bar deals, and the prices are those at which the pair was entered.
            for bar in [left, left + 1] {
                legs[leg][bar] = legs[leg][entered - 1];
                legs[leg][bar][4] = 0.0;
            }
        }
        let result = run(&legs, |config| config);
        for leg in [0, 1] {
            let closed: Vec<usize> = dealt(&result)
                .iter()
                .filter(|fill| fill.1 == leg)
                .map(|fill| fill.0)
                .take(2)
                .collect();
            let expected = if late.contains(&leg) { left + 2 } else { left };
            assert_eq!(closed, [entered, expected], "{late:?} {leg}");
        }
    }
}

#[test]
fn an_entry_of_which_a_leg_is_below_a_lot_is_not_given() {
    let whole = run(&legs(), |config| config);
    let sizes: Vec<f64> = dealt(&whole)[..2].iter().map(|fill| fill.2.abs()).collect();
    let lot = f64::midpoint(sizes[0], sizes[1]).round();
    assert!(sizes[0].min(sizes[1]) < lot && lot < sizes[0].max(sizes[1]), "{sizes:?}");
    // Prices that do not move much, so that the sizes stay on their sides of the lot.
    let cut = legs().map(|rows| rows[..].to_vec());
    let result = run(&cut, |config| Config { lot, ..config });
    let alone = (0..BARS).filter(|&step| result.positions.at(step).len() == 1).count();
    assert_eq!(alone, 0, "{:?}", dealt(&result));
}

#[test]
fn one_leg_is_never_held_for_long() {
    // Bars are missing here and there on both sides.
    let mut legs = legs();
    for bar in 8..BARS - 2 {
        if bar * 7 % 5 == 0 {
            legs[bar % 2][bar] = GONE;
        }
    }
    let result = run(&legs, |config| config);
    assert!(result.fills.len() > 4);
    let alone = |step: usize| {
        let held = result.positions.at(step);
        let quantity = |leg: u32| {
            held.iter().find(|one| one.instrument == leg).map_or(0.0, |one| one.quantity)
        };
        (quantity(0) != 0.0) != (quantity(1) != 0.0) || quantity(0) * quantity(1) > 0.0
    };
    // Ordered at the bar at which it is seen, dealt at the next one it has, which is at most two on.
    for step in 0..BARS - 3 {
        assert!(!(step..=step + 2).all(alone), "{step}: {:?}", dealt(&result));
    }
}
