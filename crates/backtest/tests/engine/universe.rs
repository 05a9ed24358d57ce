//! Universes that change: nothing of a stranger is bought, and what leaves is closed.

use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::plan::{Plan, PlanDraft, Simulation, plan_templates};
use alphafleet_backtest::strategies::{Pairs, PairsConfig};
use alphafleet_backtest::{
    AccountConfig, CancelReason, Config, DealPrice, OrderKind, OrderOutcome, OrderRequest, Side,
    Signal, TimeInForce,
};
use alphafleet_factors::DateRange;
use alphafleet_market::{Panel, SyntheticMarket, planted_signal};
use serde_json::json;

use crate::support::{GONE, Row, assert_near, exits, flat, give, panel, play, scripted};

/// Bars of instruments and on which of them each belongs to the universe.
fn universe(instruments: &[(&[Row], &[u8])]) -> Panel {
    let rows: Vec<&[Row]> = instruments.iter().map(|(rows, _)| *rows).collect();
    let member = |(row, &member): (&Row, &u8)| match row[3].is_nan() {
        true => f64::NAN,
        false => f64::from(member),
    };
    let members: Vec<f64> =
        instruments.iter().flat_map(|(rows, own)| rows.iter().zip(*own).map(member)).collect();
    let dated = panel(&rows).with_field("member", members).unwrap();
    dated.with_members("member").unwrap()
}

fn margin(config: Config) -> Config {
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    Config { account, ..config }
}

#[test]
fn what_leaves_is_closed_at_the_next_bar_long_or_short() {
    let prices = flat(&[10.0, 10.0, 11.0, 12.0, 13.0, 14.0]);
    for (side, gain) in [(Side::Buy, 300.0), (Side::Sell, -300.0)] {
        let panel = universe(&[(&prices, &[1, 1, 1, 0, 0, 0])]);
        let request = OrderRequest::market(0, side, 100.0);
        let result = play(panel, margin, &mut give(vec![request]));
        let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.side)).collect();
        // It left at bar 3, which is known at its close.
        assert_eq!(dealt, [(1, side), (4, side.opposite())]);
        assert!(result.held.is_empty());
        assert_near(result.days[5].equity, 100_000.0 + gain);
        assert_eq!(result.liquidations, 0);
    }
}

#[test]
fn the_next_open_closes_whatever_the_deal_price() {
    let rows: Vec<Row> = (0..5).map(|_| [10.0, 12.0, 9.0, 11.0, 1e6]).collect();
    for (deal_price, sold) in
        [(DealPrice::NextOpen, 10.0), (DealPrice::NextClose, 11.0), (DealPrice::SameClose, 10.0)]
    {
        let panel = universe(&[(&rows, &[1, 1, 0, 0, 0])]);
        let change = |config| Config { deal_price, ..config };
        let request = OrderRequest::market(0, Side::Buy, 100.0);
        let result = play(panel, change, &mut give(vec![request]));
        assert_eq!((result.fills[1].bar, result.fills[1].price), (3, sold));
    }
}

#[test]
fn a_sale_waits_for_a_bar_and_for_volume() {
    let mut rows = flat(&[10.0; 8]);
    rows[4] = GONE;
    rows.iter_mut().for_each(|row| row[4] = 100.0);
    let panel = universe(&[(&rows, &[1, 1, 1, 0, 0, 0, 0, 0]), (&flat(&[1.0; 8]), &[1; 8])]);
    let change = |config| Config { participation: Some(0.5), ..config };
    let request = OrderRequest::market(0, Side::Buy, 100.0).time_in_force(TimeInForce::Gtc);
    let result = play(panel, change, &mut give(vec![request]));
    let dealt: Vec<_> =
        result.fills.iter().map(|fill| (fill.bar, fill.side.sign() * fill.quantity)).collect();
    // Half the volume a bar; left at 3, no bar at 4.
    assert_eq!(dealt, [(1, 50.0), (2, 50.0), (5, -50.0), (6, -50.0)]);
}

#[test]
fn a_gap_is_no_departure() {
    let mut rows = flat(&[10.0; 6]);
    rows[2] = GONE;
    let panel = universe(&[(&rows, &[1, 1, 0, 1, 1, 1]), (&flat(&[1.0; 6]), &[1; 6])]);
    let request = OrderRequest::market(0, Side::Buy, 100.0);
    let result = play(panel, |config| config, &mut give(vec![request]));
    assert_eq!(result.fills.len(), 1);
    assert_eq!(result.held.len(), 1);
}

#[test]
fn orders_for_strangers_are_refused_and_open_ones_taken_back() {
    let prices = flat(&[10.0; 6]);
    let panel = universe(&[(&prices, &[1, 1, 1, 0, 0, 1]), (&prices, &[0; 6])]);
    let limit = OrderRequest::market(0, Side::Buy, 1.0).kind(OrderKind::Limit { limit: 5.0 });
    let limit = limit.time_in_force(TimeInForce::Gtc);
    let mut strategy = scripted(move |view, orders| {
        assert!(!view.is_member(1) && !view.trades(1) && !view.is_member(7));
        // What it was before is known of everyone.
        assert_eq!(view.closes(1).len(), view.bar() + 1);
        match view.step() {
            0 => {
                orders.submit(limit)?;
                orders.bracket(OrderRequest::market(1, Side::Buy, 1.0), &exits(12.0, 8.0)).map(drop)
            }
            3 => orders.submit(OrderRequest::market(0, Side::Buy, 2.0)).map(drop),
            _ => Ok(()),
        }
    });
    let result = play(panel, |config| config, &mut strategy);
    let outside = OrderOutcome::Cancelled(CancelReason::OutsideUniverse);
    assert_eq!(result.orders.len(), 5);
    assert!(result.orders.iter().all(|order| order.outcome == outside), "{:?}", result.orders);
    let ended: Vec<usize> = result.orders.iter().map(|order| order.ended).collect();
    assert_eq!(ended, [3, 0, 0, 0, 3]);
    assert!(result.fills.is_empty());
}

#[test]
fn a_pair_is_left_with_both_legs() {
    let wave = |at: usize| if at % 8 < 4 { 1.1 } else { 0.9 };
    let first: Vec<f64> = (0..40).map(|at| 10.0 * (1.0 + at as f64 / 50.0) * wave(at)).collect();
    let second: Vec<f64> = (0..40).map(|at| 20.0 * (1.0 + at as f64 / 50.0)).collect();
    let of_second: Vec<u8> = (0..40).map(|at| u8::from(at < 23)).collect();
    let panel = universe(&[(&flat(&first), &[1; 40]), (&flat(&second), &of_second)]);
    let mut pairs = Pairs::new(PairsConfig {
        first: "A".to_owned(),
        second: "B".to_owned(),
        window: 8,
        entry: 0.5,
        exit: 0.1,
        weight: 0.2,
    })
    .unwrap();
    let result = play(panel, margin, &mut pairs);
    assert!(result.fills.iter().any(|fill| fill.bar < 23), "it was entered before");
    assert!(result.held.is_empty(), "{:?}", result.held);
    assert!(result.fills.iter().all(|fill| fill.bar <= 24));
}

/// Who belongs changes every twenty bars, differently for each.
fn changing() -> Panel {
    let market = SyntheticMarket { instruments: 12, bars: 240, split: 0.0, ..Default::default() };
    let panel = market.generate().unwrap();
    let bars = panel.calendar().len();
    let belongs = |cell: usize| {
        let (at, term) = (cell / bars, cell % bars / 20);
        f64::from(u8::from(!(at * 7 + term * 5).is_multiple_of(3)))
    };
    let cells = panel.instruments().len() * bars;
    panel.with_field("member", (0..cells).map(belongs).collect()).unwrap()
}

/// Every strategy there is, in both engines.
#[test]
fn no_strategy_buys_a_stranger_or_keeps_one() {
    let panel = Arc::new(changing().with_members("member").unwrap());
    let signal = Signal::from_column(&panel, &planted_signal(&panel)).unwrap();
    let (start, end) = (panel.calendar()[60].date(), panel.calendar().last().unwrap().date());
    let mut dealt = 0;
    for template in plan_templates() {
        let table: toml::Table = template.toml.parse().unwrap();
        let mut document = serde_json::to_value(table).unwrap();
        if document["strategy"]["type"] == "pairs" {
            document["strategy"]["first"] = json!(panel.instruments()[0]);
            document["strategy"]["second"] = json!(panel.instruments()[1]);
        }
        if document["strategy"].get("topk").is_some() {
            document["strategy"]["topk"] = json!(3);
        }
        let draft = PlanDraft::from_value(&document).unwrap();
        let plan = draft.with_period(DateRange { start, end });
        let Plan::Event(event) = &plan else { continue };
        let simulation = Simulation::prepare(&plan, &panel, &[]).unwrap();
        let signal = plan.needs_signal().then_some(&signal);
        let outcome = simulation.run(&plan, signal, &mut |_| ControlFlow::Continue(())).unwrap();
        let alphafleet_backtest::plan::Outcome::Event(result) = outcome else { unreachable!() };
        for fill in &result.fills {
            let member = panel.is_member(fill.instrument, fill.bar - 1);
            let name = template.name;
            assert!(member || fill.closing > 0.0, "{name} opened a stranger: {fill:?}");
        }
        // Lots and limits of a market may make a sale wait.
        if event.market.is_none() {
            for held in &result.held {
                assert!(panel.is_member(held.instrument, panel.calendar().len() - 2));
            }
        }
        dealt += result.fills.len();
    }
    assert!(dealt > 500, "{dealt} fills");
}

#[test]
fn a_score_of_a_stranger_does_not_count() {
    let panel = changing().with_members("member").unwrap();
    let column = vec![1.0; panel.instruments().len() * panel.calendar().len()];
    let signal = Signal::from_column(&panel, &column).unwrap();
    for bar in 0..panel.calendar().len() {
        for (at, score) in signal.at(bar).iter().enumerate() {
            assert_eq!(score.is_nan(), !panel.is_member(at, bar), "{at} at {bar}");
        }
    }
}
