use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::ledger::{Ledger, Money, Posting, Price, Quantity};
use alphafleet_backtest::{
    AccountConfig, ActionKind, Config, CorporateAction, CostConfig, Market, OrderKind,
    OrderRequest, Side, Slippage, TimeInForce, Trail, run,
};
use proptest::prelude::*;

use crate::support::{day, exits, panel, scripted, whole};

#[derive(Debug, Clone, Copy)]
enum Event {
    Fill { instrument: u32, change: f64, price: f64, cost: f64 },
    Mark { instrument: u32, price: f64 },
    Dividend { instrument: u32, per_share: f64 },
    Split { instrument: u32, ratio: f64 },
}

fn event() -> impl Strategy<Value = Event> {
    let instrument = || 0..3_u32;
    prop_oneof![
        4 => (instrument(), -1e6..1e6, 1e-3..1e5, 0.0..1e4)
            .prop_map(|(instrument, change, price, cost)| {
                Event::Fill { instrument, change, price, cost }
            }),
        2 => (instrument(), 1e-3..1e5)
            .prop_map(|(instrument, price)| Event::Mark { instrument, price }),
        1 => (instrument(), 0.0..10.0)
            .prop_map(|(instrument, per_share)| Event::Dividend { instrument, per_share }),
        1 => (instrument(), prop_oneof![Just(0.1), Just(2.0), Just(3.0)])
            .prop_map(|(instrument, ratio)| Event::Split { instrument, ratio }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_ledger_balances_after_every_event(events in proptest::collection::vec(event(), 1..80)) {
        let mut ledger = Ledger::new(Money::from_f64(1e6).unwrap(), 3);
        for event in events {
            match event {
                Event::Fill { instrument, change, price, cost } => {
                    ledger.fill(Posting {
                        instrument,
                        change: Quantity::from_f64(change).unwrap(),
                        price: Price::from_f64(price).unwrap(),
                        cost: Money::from_f64(cost).unwrap(),
                    });
                }
                Event::Mark { instrument, price } => {
                    ledger.mark(instrument, Price::from_f64(price).unwrap());
                }
                Event::Dividend { instrument, per_share } => {
                    ledger.dividend(instrument, Price::from_f64(per_share).unwrap());
                }
                Event::Split { instrument, ratio } => {
                    prop_assert!(ledger.split(instrument, ratio));
                }
            }
            prop_assert!(ledger.balances(), "{event:?} {ledger:?}");
            let held = ledger.held().iter().all(|&i| !ledger.holding(i).quantity.is_zero());
            prop_assert!(held);
        }
    }
}

fn kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![
        3 => Just(OrderKind::Market),
        1 => (50.0..150.0).prop_map(|limit| OrderKind::Limit { limit }),
        1 => (50.0..150.0).prop_map(|stop| OrderKind::Stop { stop }),
        1 => (50.0..150.0, 50.0..150.0)
            .prop_map(|(stop, limit)| OrderKind::StopLimit { stop, limit }),
        1 => (0.5..20.0)
            .prop_map(|by| OrderKind::TrailingStop { trail: Trail::Amount(by) }),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Given {
    step: usize,
    request: OrderRequest,
    bracket: bool,
}

fn given() -> impl Strategy<Value = Given> {
    let time = prop_oneof![
        Just(TimeInForce::Day),
        Just(TimeInForce::Gtc),
        Just(TimeInForce::Ioc),
        Just(TimeInForce::Fok)
    ];
    (0..30_usize, 0..2_usize, any::<bool>(), 0.01..3e3, kind(), time, any::<bool>()).prop_map(
        |(step, instrument, buy, quantity, kind, time_in_force, bracket)| {
            let side = if buy { Side::Buy } else { Side::Sell };
            let request = OrderRequest { instrument, side, quantity, kind, time_in_force };
            Given { step, request, bracket }
        },
    )
}

fn row() -> impl Strategy<Value = [f64; 5]> {
    (60.0..140.0, 60.0..140.0, 0.0..10.0, 0.0..10.0, 0.0..5e4).prop_map(
        |(open, close, up, down, volume): (f64, f64, f64, f64, f64)| {
            [open, open.max(close) + up, open.min(close) - down, close, volume]
        },
    )
}

fn config(base: Config, margin: bool, lot: f64, same_session_sale: bool) -> Config {
    Config {
        account: match margin {
            true => AccountConfig::Margin { initial: 0.5, maintenance: 0.25 },
            false => AccountConfig::Cash,
        },
        costs: CostConfig {
            open_rate: 0.001,
            close_rate: 0.002,
            per_unit: 0.01,
            minimum: 1.0,
            sell_tax: 0.001,
            borrow_rate: 0.05,
            cash_rate: 0.02,
            debit_rate: 0.06,
        },
        slippage: Slippage::SquareRoot(0.01),
        participation: Some(0.2),
        lot,
        same_session_sale,
        ..base
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_orders_keep_the_accounts_rules(
        first in proptest::collection::vec(row(), 30),
        second in proptest::collection::vec(row(), 30),
        orders in proptest::collection::vec(given(), 0..40),
        margin in any::<bool>(),
        same_session_sale in any::<bool>(),
        lot in prop_oneof![Just(1.0), Just(100.0), Just(1e-8)],
        split in 1..30_usize,
    ) {
        let panel = panel(&[&first, &second]);
        let config = config(whole(&panel), margin, lot, same_session_sale);
        let actions = [
            (split, ActionKind::Split { ratio: 2.0 }),
            (split, ActionKind::Dividend { per_share: 0.3 }),
        ];
        let actions = actions.map(|(bar, kind)| {
            CorporateAction { instrument: "A".to_owned(), time: day(bar), kind }
        });
        let market = Market::prepare(Arc::new(panel), &actions).unwrap();
        let mut balanced = true;
        let mut strategy = scripted(|view, desk| {
            balanced &= view.ledger().balances();
            for given in orders.iter().filter(|given| given.step == view.step()) {
                match given.bracket {
                    true => desk.bracket(given.request, &exits(120.0, 80.0)).map(drop)?,
                    false => desk.submit(given.request).map(drop)?,
                }
            }
            Ok(())
        });
        let mut observe = |_: &_| ControlFlow::Continue(());
        let result = run(&market, &config, &mut strategy, &mut observe).unwrap();
        drop(strategy);
        prop_assert!(balanced);

        // What every instrument brought, and interest, is the whole gain.
        let end = result.days.last().unwrap();
        let gains: f64 = result.contributions.iter().map(|of| of.total).sum();
        let expected = config.capital + gains + result.interest;
        prop_assert!((end.equity - expected).abs() <= 1e-6, "{} {expected}", end.equity);

        if !margin {
            prop_assert!(result.held.iter().all(|held| held.quantity > 0.0));
            // Only the minimum commission of a tiny sale can leave a debt.
            let least = result.days.iter().map(|day| day.cash).fold(0.0, f64::min);
            prop_assert!(least >= -(result.fills.len() as f64), "{least}");
        }
        for order in &result.orders {
            prop_assert!(order.filled <= order.quantity * 2.0 + 1e-6);
        }
        for fill in &result.fills {
            let volume = if fill.instrument == 0 { first[fill.bar][4] } else { second[fill.bar][4] };
            prop_assert!(fill.quantity <= 0.2 * volume + 1e-6);
        }
    }
}
