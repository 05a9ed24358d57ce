//! A moving-average cross with all the cash, against vectorbt 1.2.0: the same fills, trades and
//! equity. `scripts/backtest-fixtures.py` writes the reference.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::strategies::{MovingAverageCross, MovingAverageCrossConfig, Sizing};
use alphafleet_backtest::{
    BacktestResult, Config, CostConfig, DealPrice, Market, Side, Slippage, run,
};
use alphafleet_factors::DateRange;
use alphafleet_market::{PanelBuilder, PanelRow, business_days};
use chrono::NaiveDate;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    first: NaiveDate,
    fast: usize,
    slow: usize,
    runs: BTreeMap<String, Run>,
}

#[derive(Deserialize)]
struct Run {
    close: Vec<f64>,
    equity: Vec<f64>,
    /// Bar, side (0 is a buy), size, price, fee.
    fills: Vec<(usize, u8, f64, f64, f64)>,
    /// Bars of entry and exit, gain.
    trades: Vec<(usize, usize, f64)>,
}

fn play(reference: &Reference, close: &[f64]) -> BacktestResult {
    let mut builder = PanelBuilder::new(["open", "high", "low", "close"]);
    let times = business_days(reference.first, close.len());
    for (&time, &price) in times.iter().zip(close) {
        let values = &[price; 4];
        builder.push(PanelRow { instrument: "A", time, values }).unwrap();
    }
    let period = DateRange { start: times[0].date(), end: times.last().unwrap().date() };
    let config = Config {
        capital: 10_000.0,
        costs: CostConfig { open_rate: 0.001, close_rate: 0.001, ..CostConfig::default() },
        slippage: Slippage::Proportional(0.0005),
        deal_price: DealPrice::SameClose,
        lot: 1e-8,
        ..Config::new(period)
    };
    let mut strategy = MovingAverageCross::new(MovingAverageCrossConfig {
        fast: reference.fast,
        slow: reference.slow,
        sizing: Sizing::Weight(1.0),
        short: false,
    })
    .unwrap();
    let market = Market::prepare(Arc::new(builder.build().unwrap()), &[]).unwrap();
    run(&market, &config, &mut strategy, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Ours holds quantities to 1e-8, which prices of up to some hundred turn into money.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-5
}

#[test]
fn fills_trades_and_equity_are_those_of_vectorbt() {
    let reference: Reference = serde_json::from_str(include_str!("data/vectorbt.json")).unwrap();
    let mut compared = 0;
    for (name, theirs) in &reference.runs {
        let ours = play(&reference, &theirs.close);
        assert_eq!(ours.fills.len(), theirs.fills.len(), "{name}");
        for (ours, &(bar, side, size, price, fee)) in ours.fills.iter().zip(&theirs.fills) {
            let same_side = (ours.side == Side::Buy) == (side == 0);
            assert!(ours.bar == bar && same_side, "{name}: {ours:?} {bar} {side}");
            let amounts = [(ours.quantity, size), (ours.price, price), (ours.commission, fee)];
            assert!(amounts.iter().all(|&(a, b)| (a - b).abs() < 2e-6), "{name}: {ours:?}");
            compared += 1;
        }
        assert_eq!(ours.trades.len(), theirs.trades.len(), "{name}");
        for (ours, &(entry, exit, gain)) in ours.trades.iter().zip(&theirs.trades) {
            assert_eq!((ours.opened, ours.closed), (entry, exit), "{name}");
            assert!((ours.gain - gain).abs() < 1e-4, "{name}: {} {gain}", ours.gain);
        }
        for (day, &equity) in ours.days.iter().zip(&theirs.equity) {
            assert!(near(day.equity, equity), "{name} {}: {} {equity}", day.time, day.equity);
        }
    }
    assert!(compared > 50, "{compared}");
}
