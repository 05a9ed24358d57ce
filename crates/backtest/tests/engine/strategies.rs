use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::strategies::{
    DropoutConfig, EntryOrder, MeanReversion, MeanReversionConfig, Momentum, MomentumConfig,
    MovingAverageCross, MovingAverageCrossConfig, Pairs, PairsConfig, RuleConfig, Rules, Sizing,
    TopkDropout, Weighting, Weights, WeightsConfig,
};
use alphafleet_backtest::{
    AccountConfig, BacktestResult, Config, DealPrice, Market, Signal, Strategy, TimeInForce, run,
};
use alphafleet_factors::DateRange;
use alphafleet_market::Panel;

use crate::support::{Row, assert_near, day, flat, panel, play, rules, whole};

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
    let (up, down) = ("Gt($close, Ref($close, 1))", "Lt($close, Ref($close, 1))");
    let mut rules = Rules::new(RuleConfig {
        max_positions: Some(1),
        ..rules(up, down, Sizing::Quantity(10.0))
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
    let never = "Gt($close, 1000)";
    let mut rules = Rules::new(RuleConfig {
        short_entry: Some("Lt($close, Ref($close, 1))".to_owned()),
        short_exit: Some("Gt($close, Ref($close, 1))".to_owned()),
        ..rules(never, never, Sizing::Weight(0.5))
    })
    .unwrap();
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { account, ..config };
    let result = play(panel(&[&flat(&PRICES)]), change, &mut rules);
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.side.sign())).collect();
    assert_eq!(dealt, [(2, -1.0), (5, 1.0), (8, -1.0)]);
}

/// Bars of four instruments that go up and down at their own pace.
fn waves(bars: usize) -> Vec<Vec<Row>> {
    let close = |instrument: usize, bar: usize| {
        let (pace, bar) = (0.23 + 0.31 * instrument as f64, bar as f64);
        100.0 + 15.0 * (bar * pace).sin() + 5.0 * (bar * 0.051 + instrument as f64).cos()
    };
    let row = |instrument, bar: usize| {
        let (before, close) = (close(instrument, bar.max(1) - 1), close(instrument, bar));
        let open = before.midpoint(close);
        [open, open.max(close) + 0.5, open.min(close) - 0.5, close, 1e6]
    };
    (0..4).map(|instrument| (0..bars).map(|bar| row(instrument, bar)).collect()).collect()
}

fn wave_panel(bars: usize) -> Panel {
    let rows = waves(bars);
    panel(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Scores for a panel of four instruments: the last change, and none for the third at times.
fn signal(panel: &Panel) -> Signal {
    let bars = panel.calendar().len();
    let score = |instrument: usize, bar: usize| match (instrument, bar % 7) {
        (2, 0) => f64::NAN,
        _ => {
            let closes = panel.series("close", instrument).unwrap();
            closes[bar] / closes[bar.max(1) - 1] - 1.0
        }
    };
    let scores: Vec<f64> =
        (0..4).flat_map(|instrument| (0..bars).map(move |bar| score(instrument, bar))).collect();
    Signal::from_column(panel, &scores).unwrap()
}

fn weights(weighting: Weighting, topk: Option<usize>, panel: &Panel) -> Weights {
    let config = WeightsConfig { weighting, topk, every: 3, exposure: 0.9, tolerance: 0.01 };
    Weights::new(config, Some(signal(panel))).unwrap()
}

fn strategies(panel: &Panel) -> Vec<(&'static str, Box<dyn Strategy>)> {
    let sizing = Sizing::Weight(0.2);
    let cross = MovingAverageCrossConfig { fast: 3, slow: 8, sizing, short: true };
    let (above, below) = ("Gt($close, Mean($close, 5))", "Lt($close, Mean($close, 5))");
    let rules = RuleConfig { max_positions: Some(3), ..rules(above, below, sizing) };
    let bracket = RuleConfig {
        max_positions: Some(2),
        entry_order: EntryOrder::Limit(0.02),
        time_in_force: TimeInForce::Gtc,
        stop_loss: Some(0.06),
        take_profit: Some(0.08),
        trailing_stop: Some(0.05),
        ..rules.clone()
    };
    let momentum = MomentumConfig { window: 5, skip: 1, topk: 2, every: 4, exposure: 0.9 };
    let reversion = MeanReversionConfig { window: 8, entry: 1.2, exit: 0.3, short: true, sizing };
    let pairs = PairsConfig {
        first: "A".to_owned(),
        second: "B".to_owned(),
        window: 12,
        entry: 1.0,
        exit: 0.2,
        weight: 0.4,
    };
    let dropout = DropoutConfig { topk: 2, n_drop: 1, hold_bars: 2, risk_degree: 0.95 };
    let parity = Weighting::RiskParity { window: 10, shrinkage: 0.1 };
    let variance =
        Weighting::MeanVariance { window: 10, shrinkage: 0.1, risk_aversion: 5.0, max_weight: 0.5 };
    let index = Weighting::EnhancedIndex { tilt: 0.5, index: [("A".to_owned(), 1.0)].into() };
    vec![
        ("cross", Box::new(MovingAverageCross::new(cross).unwrap())),
        ("rules", Box::new(Rules::new(rules).unwrap())),
        ("bracket", Box::new(Rules::new(bracket).unwrap())),
        ("momentum", Box::new(Momentum::new(momentum).unwrap())),
        ("reversion", Box::new(MeanReversion::new(reversion).unwrap())),
        ("pairs", Box::new(Pairs::new(pairs).unwrap())),
        ("dropout", Box::new(TopkDropout::new(dropout, signal(panel)).unwrap())),
        ("equal", Box::new(weights(Weighting::Equal, Some(3), panel))),
        ("signal", Box::new(weights(Weighting::Signal, None, panel))),
        ("index", Box::new(weights(index, None, panel))),
        ("parity", Box::new(weights(parity, None, panel))),
        ("variance", Box::new(weights(variance, Some(3), panel))),
    ]
}

fn run_to(panel: Panel, strategy: &mut dyn Strategy, last: usize) -> BacktestResult {
    let config = Config {
        account: AccountConfig::Margin { initial: 0.5, maintenance: 0.25 },
        period: DateRange { start: day(0).date(), end: day(last).date() },
        ..whole(&panel)
    };
    let market = Market::prepare(Arc::new(panel), &[]).unwrap();
    run(&market, &config, strategy, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn cutting_off_the_future_never_changes_the_past() {
    for (at, (name, mut full)) in strategies(&wave_panel(80)).into_iter().enumerate() {
        let full = run_to(wave_panel(80), full.as_mut(), 79);
        assert!(full.fills.len() > 3, "{name} deals {}", full.fills.len());
        for bars in [20, 41, 63] {
            let mut cut = strategies(&wave_panel(bars)).swap_remove(at).1;
            let cut = run_to(wave_panel(bars), cut.as_mut(), bars - 1);
            assert_eq!(cut.days, full.days[..bars], "{name}");
        }
    }
}

#[test]
fn weights_are_held() {
    let panel = wave_panel(30);
    let held = |weighting| {
        let mut strategy = weights(weighting, None, &panel);
        let change = |config| Config { lot: 1e-6, deal_price: DealPrice::SameClose, ..config };
        let result = play(panel.clone(), change, &mut strategy);
        // Bar 27 is the last that rebalances.
        let equity = result.days[27].equity;
        result.positions.at(27).iter().map(|held| held.value / equity).collect::<Vec<_>>()
    };
    let equal = held(Weighting::Equal);
    assert_eq!(equal.len(), 4);
    // Differences of weights up to the tolerance are left alone.
    assert!(equal.iter().all(|weight| (weight - 0.225).abs() <= 0.01), "{equal:?}");
    let index = held(Weighting::EnhancedIndex {
        tilt: 0.0,
        index: [("A".to_owned(), 3.0), ("D".to_owned(), 1.0)].into(),
    });
    assert!((index[0] - 0.675).abs() <= 0.01 && (index[1] - 0.225).abs() <= 0.01, "{index:?}");
}

#[test]
fn scores_are_needed_where_they_count() {
    for (weighting, topk) in [(Weighting::Signal, None), (Weighting::Equal, Some(2))] {
        let config = WeightsConfig { weighting, topk, every: 1, exposure: 1.0, tolerance: 0.0 };
        assert_eq!(Weights::new(config, None).map(drop).unwrap_err().code(), "incomplete");
    }
}

#[test]
fn momentum_holds_what_rose_most() {
    let up = flat(&[10.0, 11.0, 12.0, 13.0]);
    let down = flat(&[10.0, 9.0, 8.0, 14.0]);
    let config = MomentumConfig { window: 2, skip: 0, topk: 1, every: 1, exposure: 0.5 };
    let mut strategy = Momentum::new(config).unwrap();
    let change = |config| Config { deal_price: DealPrice::SameClose, ..config };
    let result = play(panel(&[&up, &down]), change, &mut strategy);
    let held: Vec<_> = (0..4)
        .map(|step| result.positions.at(step).iter().map(|held| held.instrument).collect())
        .collect::<Vec<Vec<_>>>();
    // Two bars of past are there from bar 2; at bar 3 the second rose from 9 to 14.
    assert_eq!(held, [vec![], vec![], vec![0], vec![1]]);
    assert_near(result.fills[0].quantity, 4_166.0);
}

#[test]
fn reversion_buys_low_and_sells_at_the_mean() {
    let prices = [10.0, 10.0, 10.0, 7.0, 8.0, 10.0, 10.0, 10.0];
    let config = MeanReversionConfig {
        window: 4,
        entry: 1.4,
        exit: 0.0,
        short: false,
        sizing: Sizing::Quantity(10.0),
    };
    let change = |config| Config { deal_price: DealPrice::SameClose, ..config };
    let result = play(panel(&[&flat(&prices)]), change, &mut MeanReversion::new(config).unwrap());
    let dealt: Vec<_> =
        result.fills.iter().map(|fill| (fill.bar, fill.side.sign() * fill.quantity)).collect();
    // At bar 3 the score is −1.5; at bar 4 8 is still below 8.75; at bar 5 10 is above it.
    assert_eq!(dealt, [(3, 10.0), (5, -10.0)]);
}

#[test]
fn pairs_trade_one_leg_against_the_other() {
    let panel = wave_panel(80);
    let pairs = &mut strategies(&panel)[5].1;
    let result = run_to(panel, pairs.as_mut(), 79);
    let both = (0..80).map(|step| result.positions.at(step)).filter(|held| held.len() == 2);
    let mut seen = 0;
    for held in both {
        assert!(held[0].quantity * held[1].quantity < 0.0, "{held:?}");
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn dropout_keeps_to_its_numbers() {
    let panel = wave_panel(80);
    let dropout = &mut strategies(&panel)[6].1;
    let result = run_to(panel, dropout.as_mut(), 79);
    assert!((0..80).all(|step| result.positions.at(step).len() <= 3));
    assert!((2..80).all(|step| !result.positions.at(step).is_empty()));
    let short = result.trades.iter().filter(|trade| trade.closed < trade.opened + 2).count();
    assert_eq!(short, 0);
}
