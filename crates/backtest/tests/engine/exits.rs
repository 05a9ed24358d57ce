//! A position never stays against its strategy because an order was not dealt, and one that was to
//! be opened is not opened late.

use alphafleet_backtest::strategies::{
    MeanReversion, MeanReversionConfig, Momentum, MomentumConfig, MovingAverageCross,
    MovingAverageCrossConfig, Sizing, Weighting, Weights, WeightsConfig,
};
use alphafleet_backtest::{AccountConfig, BacktestResult, Config, Score, Side, Signal, Strategy};
use alphafleet_factors::DateRange;
use chrono::TimeDelta;

use crate::support::{GONE, Row, day, flat, panel, panel_at, play};

/// Means of 2 and 3 bars: above at bar 5, where a long is ordered; below at bar 7.
const PRICES: [f64; 11] = [10.0, 9.0, 8.0, 7.0, 9.0, 11.0, 12.0, 8.0, 7.0, 7.0, 7.0];

fn crossing(short: bool) -> MovingAverageCross {
    let sizing = Sizing::Quantity(10.0);
    let config = MovingAverageCrossConfig { fast: 2, slow: 3, sizing, short };
    MovingAverageCross::new(config).unwrap()
}

fn margin(config: Config) -> Config {
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    Config { account, ..config }
}

fn dealt(result: &BacktestResult) -> Vec<(usize, f64)> {
    result.fills.iter().map(|fill| (fill.bar, fill.side.sign() * fill.quantity)).collect()
}

/// The cross over these bars beside an instrument that never moves.
fn cross(rows: &[Row], short: bool, change: impl FnOnce(Config) -> Config) -> Vec<(usize, f64)> {
    let quiet = flat(&[1.0; PRICES.len()]);
    let change = |config| change(margin(config));
    dealt(&play(panel(&[rows, &quiet]), change, &mut crossing(short)))
}

#[test]
fn an_exit_is_asked_for_until_it_is_dealt() {
    let rows = flat(&PRICES);
    let same = |config| config;
    assert_eq!(cross(&rows, false, same), [(6, 10.0), (8, -10.0)]);
    let with = |row: Row| {
        let mut rows = rows.clone();
        rows[8] = row;
        rows
    };
    assert_eq!(cross(&with(GONE), false, same), [(6, 10.0), (9, -10.0)]);
    let no_volume = with([7.0, 7.0, 7.0, 7.0, 0.0]);
    assert_eq!(cross(&no_volume, false, same), [(6, 10.0), (9, -10.0)]);
    // 7 is an eighth below 8; on the bar after it stands where it was. 12 is 0.091 above 11.
    let limit = |config| Config { price_limit: Some(0.1), ..config };
    assert_eq!(cross(&rows, false, limit), [(6, 10.0), (9, -10.0)]);
    // A tenth of 40 is 4, and of 30 on the next bar 3.
    let mut thin = with([7.0, 7.0, 7.0, 7.0, 40.0]);
    thin[9][4] = 30.0;
    let part = |config| Config { participation: Some(0.1), ..config };
    assert_eq!(cross(&thin, false, part), [(6, 10.0), (8, -4.0), (9, -3.0), (10, -3.0)]);
}

#[test]
fn a_reversal_is_asked_for_until_the_position_is_turned() {
    let mut rows = flat(&PRICES);
    rows[8] = GONE;
    assert_eq!(cross(&rows, true, |config| config), [(6, 10.0), (9, -20.0)]);
    // Once nothing stands against the signal the rest of the entry is given up.
    let mut thin = flat(&PRICES);
    (thin[8][4], thin[9][4]) = (40.0, 80.0);
    let part = |config| Config { participation: Some(0.1), ..config };
    assert_eq!(cross(&thin, true, part), [(6, 10.0), (8, -4.0), (9, -8.0)]);
}

#[test]
fn an_order_still_open_in_the_session_is_not_dealt_twice() {
    let hours = |bar: usize| day(bar / 2) + TimeDelta::hours(i64::try_from(bar % 2).unwrap());
    let (mut rows, quiet) = (flat(&PRICES), flat(&[1.0; PRICES.len()]));
    rows[8] = GONE;
    let bars = panel_at(&[&rows, &quiet], hours);
    // Given at bar 7, the order lives to the end of bar 9, and bar 8 asks again.
    assert_eq!(dealt(&play(bars, margin, &mut crossing(false))), [(6, 10.0), (9, -10.0)]);
    // An entry that still waits when the means cross back: bars 6 and 7 are one session.
    let prices = [10.0, 9.0, 8.0, 7.0, 7.0, 12.0, 1.0, 0.9, 0.8, 0.7];
    let mut rows = flat(&prices);
    rows[6][4] = 0.0;
    let quiet = flat(&[1.0; 10]);
    let bars = panel_at(&[&rows, &quiet], hours);
    assert_eq!(dealt(&play(bars, margin, &mut crossing(false))), []);
}

#[test]
fn an_entry_that_is_not_dealt_is_given_up() {
    let mut rows = flat(&PRICES);
    rows[6][4] = 0.0;
    assert_eq!(cross(&rows, false, |config| config), []);
}

/// Fills of a run over the last bars alone.
fn from(bar: usize, rows: &[Row], short: bool) -> Vec<(usize, f64)> {
    cross(rows, short, |config| {
        let period = DateRange { start: day(bar).date(), ..config.period };
        Config { period, ..config }
    })
}

#[test]
fn a_run_begins_on_the_side_that_the_closes_before_it_say() {
    let mut rows = flat(&PRICES);
    // Over the whole the long is dealt at bar 6. From bar 6 on it is ordered at that bar.
    assert_eq!(from(6, &rows, false), [(7, 10.0), (8, -10.0)]);
    // At bar 7 the means have just crossed; at bar 8 they are below since.
    assert_eq!(from(7, &rows, false), []);
    assert_eq!(from(7, &rows, true), [(8, -10.0)]);
    assert_eq!(from(8, &rows, false), []);
    assert_eq!(from(8, &rows, true), [(9, -10.0)]);
    // Before bar 3 there are no closes for both means, at bar 3 they are below for the first time.
    assert_eq!(from(2, &rows, true), [(6, 10.0), (8, -20.0)]);
    // Once: what is not dealt is given up.
    rows[7] = [12.0, 12.0, 12.0, 12.0, 0.0];
    assert_eq!(from(6, &rows, false), []);
}

#[test]
fn reversion_asks_again_and_never_twice() {
    let config = MeanReversionConfig {
        window: 4,
        entry: 1.4,
        exit: 0.0,
        short: false,
        sizing: Sizing::Quantity(10.0),
    };
    let hours = |bar: usize| day(bar / 4) + TimeDelta::hours(i64::try_from(bar % 4).unwrap());
    let quiet = flat(&[1.0; 10]);
    // Bar 3 is 1.5 deviations below the mean; the next bar deals nothing and is as low again.
    let mut rows = flat(&[10.0, 10.0, 10.0, 7.0, 1.0, 5.0, 10.0, 10.0, 10.0, 10.0]);
    rows[4][4] = 0.0;
    let bars = panel_at(&[&rows, &quiet], hours);
    let result = play(bars, margin, &mut MeanReversion::new(config).unwrap());
    // Back above the mean at bar 6: closes 7, 1, 5, 10.
    assert_eq!(dealt(&result), [(5, 10.0), (7, -10.0)]);
    // The exit of bar 6 meets a bar that is not there.
    rows[7] = GONE;
    let bars = panel(&[&rows, &quiet]);
    let result = play(bars, margin, &mut MeanReversion::new(config).unwrap());
    assert_eq!(dealt(&result), [(5, 10.0), (8, -10.0)]);
}

#[test]
fn a_portfolio_asks_again_between_its_choices() {
    // Every four bars one of two is chosen: at bar 4 the first, at bar 8 the second.
    let mut first = flat(&[10.0, 10.0, 10.0, 11.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0, 12.0]);
    let second = flat(&[10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0]);
    // The first cannot be sold at the two bars after that.
    (first[9][4], first[10]) = (0.0, GONE);
    let panel = panel(&[&first, &second]);
    let dealt = |strategy: &mut dyn Strategy| {
        let result = play(panel.clone(), margin, strategy);
        let own = result.fills.iter().filter(|fill| fill.instrument == 0);
        own.map(|fill| (fill.bar, fill.side)).collect::<Vec<_>>()
    };
    let expected = [(5, Side::Buy), (11, Side::Sell)];
    let config = MomentumConfig { window: 2, skip: 0, topk: 1, every: 4, exposure: 0.5 };
    assert_eq!(dealt(&mut Momentum::new(config).unwrap()), expected);
    let score = |instrument, bar, score| Score { instrument, time: day(bar), score };
    let scores = [score("A", 4, 1.0), score("B", 4, 0.5), score("A", 8, 0.5), score("B", 8, 1.0)];
    let signal = Signal::from_rows(&panel, scores).unwrap();
    let (weighting, topk) = (Weighting::Equal, Some(1));
    let config = WeightsConfig { weighting, topk, every: 4, exposure: 0.5, tolerance: 0.0 };
    assert_eq!(dealt(&mut Weights::new(config, Some(signal)).unwrap()), expected);
}
