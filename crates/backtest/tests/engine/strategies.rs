use alphafleet_backtest::strategies::{
    MovingAverageCross, MovingAverageCrossConfig, RuleConfig, Rules, Sizing,
};
use alphafleet_backtest::{AccountConfig, Config, DealPrice};

use crate::support::{flat, panel, play};

/// Means of 2 and 3 bars: they cross up at bar 4 and down at bar 7.
const PRICES: [f64; 10] = [10.0, 9.0, 8.0, 7.0, 9.0, 11.0, 12.0, 8.0, 7.0, 7.0];

fn cross(short: bool, account: AccountConfig) -> Vec<(usize, f64)> {
    let mut strategy = MovingAverageCross::new(MovingAverageCrossConfig {
        fast: 2,
        slow: 3,
        sizing: Sizing::Quantity(10.0),
        short,
    })
    .unwrap();
    let change = |config| Config { account, deal_price: DealPrice::SameClose, ..config };
    let result = play(panel(&[&flat(&PRICES)]), change, &mut strategy);
    result.fills.iter().map(|fill| (fill.bar, fill.side.sign() * fill.quantity)).collect()
}

#[test]
fn means_that_cross_are_traded() {
    // Fast − slow: bar 3: 7.5 − 8; bar 4: 8 − 8 (no side); bar 5: 10 − 9; bar 7: 10 − 10.33.
    assert_eq!(cross(false, AccountConfig::Cash), [(5, 10.0), (7, -10.0)]);
    let margin = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    assert_eq!(cross(true, margin), [(5, 10.0), (7, -20.0)]);
}

#[test]
fn rules_enter_and_leave() {
    let mut rules = Rules::new(RuleConfig {
        entry: "Gt($close, Ref($close, 1))".to_owned(),
        exit: "Lt($close, Ref($close, 1))".to_owned(),
        short_entry: None,
        short_exit: None,
        sizing: Sizing::Quantity(10.0),
        max_positions: Some(1),
    })
    .unwrap();
    let rows = flat(&PRICES);
    let result = play(panel(&[&rows, &rows]), |config| config, &mut rules);
    let dealt: Vec<_> = result
        .fills
        .iter()
        .map(|fill| (fill.bar, fill.instrument, fill.side.sign() * fill.quantity))
        .collect();
    // Up at bar 4, dealt at 5; down at 7, dealt at 8. One position at a time.
    assert_eq!(dealt, [(5, 0, 10.0), (8, 0, -10.0)]);
}

#[test]
fn rules_sell_short() {
    let mut rules = Rules::new(RuleConfig {
        entry: "Gt($close, 1000)".to_owned(),
        exit: "Gt($close, 1000)".to_owned(),
        short_entry: Some("Lt($close, Ref($close, 1))".to_owned()),
        short_exit: Some("Gt($close, Ref($close, 1))".to_owned()),
        sizing: Sizing::Weight(0.5),
        max_positions: None,
    })
    .unwrap();
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { account, ..config };
    let result = play(panel(&[&flat(&PRICES)]), change, &mut rules);
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.side.sign())).collect();
    assert_eq!(dealt, [(2, -1.0), (5, 1.0), (8, -1.0)]);
}
