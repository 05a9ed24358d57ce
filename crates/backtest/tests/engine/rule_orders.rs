//! Orders of rules, worked out by hand: entries of every kind, and exits that exclude each other.

use alphafleet_backtest::strategies::{EntryOrder, RuleConfig, Rules, Sizing};
use alphafleet_backtest::{
    AccountConfig, BacktestResult, CancelReason, Config, OrderOutcome, TimeInForce,
};

use crate::support::{GONE, Row, assert_near, flat, panel, play, rules};

/// The rules buy ten at a close of 100 and sell at one of 102; short the other way round.
fn long() -> RuleConfig {
    rules("Eq($close, 100)", "Eq($close, 102)", Sizing::Quantity(10.0))
}

fn short() -> RuleConfig {
    let never = "Gt($close, 1000)";
    RuleConfig {
        short_entry: Some("Eq($close, 100)".to_owned()),
        short_exit: Some("Eq($close, 98)".to_owned()),
        ..rules(never, never, Sizing::Quantity(10.0))
    }
}

const BEFORE: Row = [99.0, 99.0, 99.0, 99.0, 1e6];
/// The bar of the decision.
const DECISION: Row = [99.0, 101.0, 98.0, 100.0, 1e6];

fn margin(config: Config) -> Config {
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    Config { account, ..config }
}

/// A run over these bars after that of the decision, which is bar 1, beside an instrument that
/// never moves.
fn run(config: RuleConfig, after: &[Row]) -> BacktestResult {
    let rows: Vec<Row> = [BEFORE, DECISION].iter().chain(after).copied().collect();
    let quiet = flat(&vec![1.0; rows.len()]);
    play(panel(&[&rows, &quiet]), margin, &mut Rules::new(config).unwrap())
}

/// Bar, signed quantity and price of every fill.
#[track_caller]
fn check(result: &BacktestResult, expected: &[(usize, f64, f64)]) {
    let found: Vec<_> = result
        .fills
        .iter()
        .map(|fill| (fill.bar, fill.side.sign() * fill.quantity, fill.price))
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.0, found.1), (expected.0, expected.1));
        assert_near(found.2, expected.2);
    }
}

fn ends(result: &BacktestResult) -> Vec<OrderOutcome> {
    result.orders.iter().map(|order| order.outcome).collect()
}

fn cancelled(reason: CancelReason) -> OrderOutcome {
    OrderOutcome::Cancelled(reason)
}

const CALM: Row = [100.5, 101.5, 99.5, 101.0, 1e6];

#[test]
fn a_market_entry_is_dealt_at_the_next_open() {
    check(&run(long(), &[CALM]), &[(2, 10.0, 100.5)]);
    check(&run(short(), &[CALM]), &[(2, -10.0, 100.5)]);
}

#[test]
fn a_limit_entry_waits_below_the_close_and_above_it_when_short() {
    let entry_order = EntryOrder::Limit(0.01);
    let long = RuleConfig { entry_order, ..long() };
    let low: Row = [100.5, 101.5, 98.5, 101.0, 1e6];
    check(&run(long.clone(), &[low]), &[(2, 10.0, 99.0)]);
    // An open below the limit of 99 is better.
    check(&run(long.clone(), &[[98.0, 99.5, 97.0, 99.0, 1e6]]), &[(2, 10.0, 98.0)]);
    // For a day it is not reached; good till cancelled it is a day later.
    assert_eq!(ends(&run(long.clone(), &[CALM, low])), [cancelled(CancelReason::Expired)]);
    let gtc = RuleConfig { time_in_force: TimeInForce::Gtc, ..long };
    check(&run(gtc, &[CALM, low]), &[(3, 10.0, 99.0)]);
    let short = RuleConfig { entry_order, ..short() };
    check(&run(short.clone(), &[[99.0, 101.2, 98.5, 99.0, 1e6]]), &[(2, -10.0, 101.0)]);
    check(&run(short, &[[99.0, 100.9, 98.5, 99.0, 1e6]]), &[]);
}

#[test]
fn a_stop_entry_waits_above_the_close_and_below_it_when_short() {
    let entry_order = EntryOrder::Stop(0.01);
    let long = RuleConfig { entry_order, ..long() };
    check(&run(long.clone(), &[[100.0, 101.5, 99.0, 101.0, 1e6]]), &[(2, 10.0, 101.0)]);
    check(&run(long.clone(), &[[103.0, 103.5, 102.5, 103.0, 1e6]]), &[(2, 10.0, 103.0)]);
    check(&run(long, &[[100.0, 100.9, 97.0, 99.0, 1e6]]), &[]);
    let short = RuleConfig { entry_order, ..short() };
    check(&run(short, &[[100.0, 101.5, 98.5, 101.0, 1e6]]), &[(2, -10.0, 99.0)]);
}

#[test]
fn a_stop_limit_entry_is_dealt_no_worse_than_its_limit() {
    let entry_order = EntryOrder::StopLimit { stop: 0.01, limit: 0.012 };
    let long = RuleConfig { entry_order, ..long() };
    check(&run(long.clone(), &[[100.0, 102.0, 99.0, 101.5, 1e6]]), &[(2, 10.0, 101.0)]);
    // An open of 103 is beyond the limit of 101.2, to which the low comes back afterwards.
    check(&run(long.clone(), &[[103.0, 104.0, 101.0, 103.0, 1e6]]), &[(2, 10.0, 101.2)]);
    check(&run(long, &[[103.0, 104.0, 101.3, 103.0, 1e6]]), &[]);
    let short = RuleConfig { entry_order, ..short() };
    check(&run(short, &[[97.0, 98.8, 96.5, 97.0, 1e6]]), &[(2, -10.0, 98.8)]);
}

#[test]
fn entries_end_by_their_time_in_force() {
    let low: Row = [100.5, 101.5, 98.5, 101.0, 1e6];
    let of = |time_in_force, volume: f64| {
        let entry_order = EntryOrder::Limit(0.01);
        let config = RuleConfig { entry_order, time_in_force, ..long() };
        let mut rows = [BEFORE, DECISION, low, low];
        rows[2][4] = volume;
        let change = |config| Config { participation: Some(0.1), ..margin(config) };
        let quiet = flat(&[1.0; 4]);
        let mut strategy = Rules::new(config).unwrap();
        let result = play(panel(&[&rows, &quiet]), change, &mut strategy);
        result.fills.iter().map(|fill| (fill.bar, fill.quantity)).collect::<Vec<_>>()
    };
    // A tenth of 40 is 4.
    assert_eq!(of(TimeInForce::Day, 40.0), [(2, 4.0)]);
    assert_eq!(of(TimeInForce::Ioc, 40.0), [(2, 4.0)]);
    assert_eq!(of(TimeInForce::Fok, 40.0), []);
    assert_eq!(of(TimeInForce::Fok, 100.0), [(2, 10.0)]);
    assert_eq!(of(TimeInForce::Gtc, 40.0), [(2, 4.0), (3, 6.0)]);
}

fn bracket(config: RuleConfig) -> RuleConfig {
    let (stop_loss, take_profit) = (Some(0.05), Some(0.1));
    RuleConfig { stop_loss, take_profit, trailing_stop: Some(0.08), ..config }
}

#[test]
fn exits_go_by_the_close_of_the_decision_and_exclude_each_other() {
    use OrderOutcome::Filled;
    let linked = cancelled(CancelReason::Linked);
    // Entry, profit at 110, loss at 95, trailing stop.
    let loss = run(bracket(long()), &[CALM, [100.0, 101.0, 94.0, 96.0, 1e6], CALM]);
    check(&loss, &[(2, 10.0, 100.5), (3, -10.0, 95.0)]);
    assert_eq!(ends(&loss), [Filled, linked, Filled, linked]);
    let profit = run(bracket(long()), &[CALM, [105.0, 111.0, 104.0, 108.0, 1e6], CALM]);
    check(&profit, &[(2, 10.0, 100.5), (3, -10.0, 110.0)]);
    assert_eq!(ends(&profit), [Filled, Filled, linked, linked]);
    // The best price of bar 2 is 109: 8 % of it is 8.72, and the stop at 100.28.
    let high: Row = [100.5, 109.0, 99.5, 108.0, 1e6];
    let trail = run(bracket(long()), &[high, [107.0, 108.0, 100.0, 101.0, 1e6], CALM]);
    check(&trail, &[(2, 10.0, 100.5), (3, -10.0, 100.28)]);
    assert_eq!(ends(&trail), [Filled, linked, linked, Filled]);
}

#[test]
fn exits_of_a_short_position_are_mirrored() {
    // Profit at 90, loss at 105.
    let calm: Row = [99.5, 101.0, 99.0, 99.5, 1e6];
    let loss = run(bracket(short()), &[calm, [100.0, 106.0, 99.0, 104.0, 1e6], calm]);
    check(&loss, &[(2, -10.0, 99.5), (3, 10.0, 105.0)]);
    let profit = run(bracket(short()), &[calm, [95.0, 96.0, 89.0, 91.0, 1e6], calm]);
    check(&profit, &[(2, -10.0, 99.5), (3, 10.0, 90.0)]);
    // The best price of bar 2 is 91: 8 % of it is 7.28, and the stop at 98.28.
    let low: Row = [99.5, 100.0, 91.0, 92.0, 1e6];
    let trail = run(bracket(short()), &[low, [93.0, 99.0, 92.0, 97.0, 1e6], calm]);
    check(&trail, &[(2, -10.0, 99.5), (3, 10.0, 98.28)]);
}

#[test]
fn a_trailing_stop_begins_at_the_price_of_the_entry() {
    let entry_order = EntryOrder::Limit(0.01);
    let config = RuleConfig { entry_order, trailing_stop: Some(0.04), ..long() };
    // Bought at 99 inside a bar whose high of 104 may have come before: the stop is at 95.04, not
    // at 99.84. The high of 101 of bar 3 lifts it to 96.96.
    let bars = [
        [101.0, 104.0, 98.5, 103.0, 1e6],
        [100.0, 101.0, 95.5, 99.0, 1e6],
        [98.0, 98.5, 96.0, 97.0, 1e6],
    ];
    check(&run(config.clone(), &bars), &[(2, 10.0, 99.0), (4, -10.0, 96.96)]);
    // Dealt at the open of 98, the whole bar came after it: 4 % below 104 is 99.84, and the next
    // open is below that.
    let gap = [98.0, 104.0, 97.5, 103.0, 1e6];
    check(&run(config, &[gap, bars[1]]), &[(2, 10.0, 98.0), (3, -10.0, 99.84)]);
}

#[test]
fn the_rule_closes_the_position_and_takes_the_exits_back() {
    // Bar 3 closes at 102. Bar 5 would reach the loss at 95.
    let exit: Row = [101.0, 103.0, 100.5, 102.0, 1e6];
    let fall: Row = [100.0, 101.0, 90.0, 91.0, 1e6];
    let result = run(bracket(long()), &[CALM, exit, CALM, fall]);
    check(&result, &[(2, 10.0, 100.5), (4, -10.0, 100.5)]);
    let taken_back = cancelled(CancelReason::Cancelled);
    let filled = OrderOutcome::Filled;
    assert_eq!(ends(&result), [filled, taken_back, taken_back, taken_back, filled]);
    // The sale is asked for again where a bar is missing.
    let result = run(bracket(long()), &[CALM, exit, GONE, GONE, CALM, CALM]);
    check(&result, &[(2, 10.0, 100.5), (6, -10.0, 100.5)]);
}

#[test]
fn an_entry_that_waits_is_taken_back_and_replaced() {
    let entry_order = EntryOrder::Limit(0.01);
    let time_in_force = TimeInForce::Gtc;
    let config = RuleConfig { entry_order, time_in_force, ..long() };
    let exit: Row = [101.0, 103.0, 100.5, 102.0, 1e6];
    let fall: Row = [100.0, 101.0, 90.0, 91.0, 1e6];
    check(&run(config, &[CALM, exit, fall]), &[]);
    // Above 99.5 the rule holds anew at every bar: its limit follows the close, 0.99 · 103 at last.
    let follows = RuleConfig {
        entry: "Gt($close, 99.5)".to_owned(),
        entry_order,
        time_in_force,
        ..rules("", "Gt($close, 1000)", Sizing::Quantity(10.0))
    };
    let up: Row = [101.0, 104.0, 100.5, 103.0, 1e6];
    let result = run(follows, &[up, fall]);
    check(&result, &[(3, 10.0, 100.0)]);
}

#[test]
fn entries_that_wait_make_room_for_newer_ones() {
    let config = RuleConfig {
        entry_order: EntryOrder::Limit(0.01),
        time_in_force: TimeInForce::Gtc,
        max_positions: Some(1),
        ..long()
    };
    let fall: Row = [100.0, 101.0, 90.0, 91.0, 1e6];
    // The first is to be bought at bar 1, the second at bar 2; at bar 3 both limits are reached.
    let first = [BEFORE, DECISION, CALM, fall, fall];
    let second = [BEFORE, BEFORE, DECISION, fall, fall];
    let mut strategy = Rules::new(config.clone()).unwrap();
    let result = play(panel(&[&first, &second]), margin, &mut strategy);
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.instrument)).collect();
    assert_eq!(dealt, [(3, 1)]);
    let room = RuleConfig { max_positions: Some(2), ..config };
    let result = play(panel(&[&first, &second]), margin, &mut Rules::new(room).unwrap());
    assert_eq!(result.fills.len(), 2);
}
