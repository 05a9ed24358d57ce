use alphafleet_backtest::{
    BacktestResult, CancelReason, DealPrice, OrderKind, OrderOutcome, OrderRequest, Side,
    TimeInForce, Trail,
};

use crate::support::{GONE, Row, assert_near, exits, flat, give, panel, panel_at, play, scripted};

fn order(side: Side, kind: OrderKind) -> OrderRequest {
    OrderRequest::market(0, side, 10.0).kind(kind).time_in_force(TimeInForce::Gtc)
}

/// Price and bar of every fill of one order given at the first bar.
fn deals(bars: &[Row], request: OrderRequest) -> Vec<(usize, f64)> {
    let result = play(panel(&[bars]), margin, &mut give(vec![request]));
    result.fills.iter().map(|fill| (fill.bar, fill.price)).collect()
}

fn margin(config: alphafleet_backtest::Config) -> alphafleet_backtest::Config {
    let account = alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    alphafleet_backtest::Config { account, ..config }
}

const FIRST: Row = [100.0, 101.0, 99.0, 100.0, 1e6];

#[test]
fn market_orders_are_dealt_at_the_next_open() {
    let bars = [FIRST, [103.0, 105.0, 102.0, 104.0, 1e6]];
    assert_eq!(deals(&bars, order(Side::Buy, OrderKind::Market)), [(1, 103.0)]);
    assert_eq!(deals(&bars, order(Side::Sell, OrderKind::Market)), [(1, 103.0)]);
}

#[test]
fn the_deal_price_is_a_choice() {
    let bars = [FIRST, [103.0, 105.0, 102.0, 104.0, 1e6]];
    let dealt = |deal_price: DealPrice| {
        let panel = panel(&[&bars]).with_field("vwap", vec![100.0, 103.5]).unwrap();
        let mut strategy = give(vec![OrderRequest::market(0, Side::Buy, 10.0)]);
        let change = |config| alphafleet_backtest::Config { deal_price, ..config };
        let fill = play(panel, change, &mut strategy).fills[0];
        (fill.bar, fill.price)
    };
    assert_eq!(dealt(DealPrice::NextOpen), (1, 103.0));
    assert_eq!(dealt(DealPrice::NextClose), (1, 104.0));
    assert_eq!(dealt(DealPrice::NextField("vwap".to_owned())), (1, 103.5));
    assert_eq!(dealt(DealPrice::SameClose), (0, 100.0));
}

#[test]
fn limit_orders_are_dealt_at_their_price_or_a_better_open() {
    let buy = order(Side::Buy, OrderKind::Limit { limit: 98.0 });
    let sell = order(Side::Sell, OrderKind::Limit { limit: 102.0 });
    let cases: [(OrderRequest, Row, Option<f64>); 8] = [
        (buy, [100.0, 101.0, 98.5, 99.0, 1e6], None),
        (buy, [100.0, 101.0, 98.0, 99.0, 1e6], Some(98.0)),
        (buy, [100.0, 101.0, 95.0, 99.0, 1e6], Some(98.0)),
        (buy, [97.0, 101.0, 95.0, 99.0, 1e6], Some(97.0)),
        (sell, [100.0, 101.5, 98.5, 99.0, 1e6], None),
        (sell, [100.0, 102.0, 98.0, 99.0, 1e6], Some(102.0)),
        (sell, [100.0, 109.0, 95.0, 99.0, 1e6], Some(102.0)),
        (sell, [103.0, 109.0, 95.0, 99.0, 1e6], Some(103.0)),
    ];
    for (request, bar, price) in cases {
        let expected: Vec<_> = price.into_iter().map(|price| (1, price)).collect();
        assert_eq!(deals(&[FIRST, bar], request), expected, "{request:?} {bar:?}");
    }
}

#[test]
fn stop_orders_are_dealt_at_their_price_or_a_worse_open() {
    let buy = order(Side::Buy, OrderKind::Stop { stop: 102.0 });
    let sell = order(Side::Sell, OrderKind::Stop { stop: 98.0 });
    let cases: [(OrderRequest, Row, Option<f64>); 6] = [
        (buy, [100.0, 101.0, 95.0, 99.0, 1e6], None),
        (buy, [100.0, 103.0, 95.0, 99.0, 1e6], Some(102.0)),
        (buy, [104.0, 105.0, 95.0, 99.0, 1e6], Some(104.0)),
        (sell, [100.0, 103.0, 98.5, 99.0, 1e6], None),
        (sell, [100.0, 103.0, 95.0, 99.0, 1e6], Some(98.0)),
        (sell, [96.0, 97.0, 95.0, 96.0, 1e6], Some(96.0)),
    ];
    for (request, bar, price) in cases {
        let expected: Vec<_> = price.into_iter().map(|price| (1, price)).collect();
        assert_eq!(deals(&[FIRST, bar], request), expected, "{request:?} {bar:?}");
    }
}

#[test]
fn stop_limit_orders_wait_for_both_prices() {
    let buy = |stop, limit| order(Side::Buy, OrderKind::StopLimit { stop, limit });
    let reach: Row = [100.0, 103.0, 99.0, 102.5, 1e6];
    let back: Row = [102.0, 102.5, 100.0, 101.0, 1e6];
    // The stop is reached with room to the limit.
    assert_eq!(deals(&[FIRST, reach], buy(102.0, 102.5)), [(1, 102.0)]);
    // Inside the bar nobody knows whether the price came back to the limit: the next bar says.
    assert_eq!(deals(&[FIRST, reach], buy(102.0, 101.0)), []);
    assert_eq!(deals(&[FIRST, reach, back], buy(102.0, 101.0)), [(2, 101.0)]);
    // An open beyond both: the low comes after it.
    let gap: Row = [104.0, 105.0, 102.0, 104.5, 1e6];
    assert_eq!(deals(&[FIRST, gap], buy(102.0, 103.0)), [(1, 103.0)]);
    assert_eq!(deals(&[FIRST, gap], buy(102.0, 101.0)), []);
    // Without the stop the limit does not count.
    let quiet: Row = [100.0, 101.0, 95.0, 99.0, 1e6];
    assert_eq!(deals(&[FIRST, quiet], buy(102.0, 103.0)), []);
}

#[test]
fn trailing_stops_follow_the_best_price_of_earlier_bars() {
    let sell = |trail| order(Side::Sell, OrderKind::TrailingStop { trail });
    let bars = [
        FIRST,
        [101.0, 110.0, 100.0, 109.0, 1e6], // best is 100 so far: stop at 95
        [109.0, 112.0, 106.0, 111.0, 1e6], // best 110: stop at 105
        [110.0, 111.0, 106.0, 108.0, 1e6], // best 112: stop at 107
    ];
    assert_eq!(deals(&bars, sell(Trail::Amount(5.0))), [(3, 107.0)]);
    // Five in a hundred of 112 is 5.6: stop at 106.4.
    let dealt = deals(&bars, sell(Trail::Fraction(0.05)));
    assert_eq!(dealt.len(), 1);
    assert_near(dealt[0].1, 106.4);
    let buy = order(Side::Buy, OrderKind::TrailingStop { trail: Trail::Amount(5.0) });
    let falling = [FIRST, [99.0, 100.0, 90.0, 91.0, 1e6], [91.0, 96.0, 90.0, 95.0, 1e6]];
    assert_eq!(deals(&falling, buy), [(2, 95.0)]);
}

fn ends(result: &BacktestResult) -> Vec<(f64, OrderOutcome)> {
    result.orders.iter().map(|order| (order.filled, order.outcome)).collect()
}

fn cancelled(reason: CancelReason) -> OrderOutcome {
    OrderOutcome::Cancelled(reason)
}

#[test]
fn a_bracket_takes_its_profit_or_stops_its_loss() {
    let play_bracket = |bars: &[Row]| {
        let mut strategy = scripted(|view, orders| {
            if view.step() == 0 {
                orders.bracket(OrderRequest::market(0, Side::Buy, 10.0), &exits(110.0, 95.0))?;
            }
            Ok(())
        });
        play(panel(&[bars]), |config| config, &mut strategy)
    };
    let entry: Row = [100.0, 101.0, 99.0, 100.0, 1e6];
    let profit = play_bracket(&[FIRST, entry, [105.0, 111.0, 104.0, 108.0, 1e6]]);
    assert_eq!(
        ends(&profit),
        [
            (10.0, OrderOutcome::Filled),
            (10.0, OrderOutcome::Filled),
            (0.0, cancelled(CancelReason::Linked))
        ]
    );
    assert_near(profit.days[2].equity, 100_100.0);
    let loss = play_bracket(&[FIRST, entry, [100.0, 101.0, 94.0, 96.0, 1e6]]);
    assert_near(loss.days[2].equity, 99_950.0);
    // Both inside one bar: the loss is assumed.
    let both = play_bracket(&[FIRST, [100.0, 111.0, 94.0, 100.0, 1e6]]);
    assert_eq!(both.fills.iter().map(|fill| fill.price).collect::<Vec<_>>(), [100.0, 95.0]);
    // An open beyond the profit comes before the low.
    let gap = play_bracket(&[FIRST, entry, [112.0, 113.0, 94.0, 96.0, 1e6]]);
    assert_eq!(gap.fills[1].price, 112.0);
}

#[test]
fn exits_wait_for_their_entry_and_go_with_it() {
    let mut strategy = scripted(|view, orders| {
        if view.step() == 0 {
            let entry = order(Side::Buy, OrderKind::Limit { limit: 98.0 });
            orders.bracket(entry.time_in_force(TimeInForce::Day), &exits(101.0, 95.0))?;
        }
        Ok(())
    });
    let bars = [FIRST, [100.0, 103.0, 99.0, 100.0, 1e6], [100.0, 103.0, 90.0, 100.0, 1e6]];
    let result = play(panel(&[&bars]), |config| config, &mut strategy);
    assert!(result.fills.is_empty());
    let linked = (0.0, cancelled(CancelReason::Linked));
    assert_eq!(ends(&result), [(0.0, cancelled(CancelReason::Expired)), linked, linked]);
    // An entry inside a bar: what follows in that bar is unknown, so exits count from the next.
    let mut strategy = scripted(|view, orders| {
        if view.step() == 0 {
            orders
                .bracket(order(Side::Buy, OrderKind::Limit { limit: 98.0 }), &exits(103.0, 95.0))?;
        }
        Ok(())
    });
    let bars = [FIRST, [100.0, 104.0, 94.0, 100.0, 1e6], [100.0, 103.0, 99.0, 100.0, 1e6]];
    let result = play(panel(&[&bars]), |config| config, &mut strategy);
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.price)).collect();
    assert_eq!(dealt, [(1, 98.0), (2, 103.0)]);
}

#[test]
fn one_cancels_the_other() {
    let mut strategy = scripted(|view, orders| {
        if view.step() == 0 {
            let low = order(Side::Buy, OrderKind::Limit { limit: 98.0 });
            let high = order(Side::Buy, OrderKind::Stop { stop: 102.0 });
            orders.one_cancels_other(&[low, high])?;
        }
        Ok(())
    });
    let bars = [FIRST, [100.0, 103.0, 99.0, 100.0, 1e6], [100.0, 103.0, 90.0, 100.0, 1e6]];
    let result = play(panel(&[&bars]), |config| config, &mut strategy);
    assert_eq!(result.fills.len(), 1);
    assert_eq!(result.fills[0].price, 102.0);
    assert_eq!(result.orders[0].outcome, cancelled(CancelReason::Linked));
}

#[test]
fn time_in_force_ends_orders() {
    let hours = |bar: usize| {
        crate::support::day(bar / 2) + chrono::TimeDelta::hours(i64::try_from(bar % 2).unwrap())
    };
    // Two bars a session; the limit is reached in the second session only.
    let far: Row = [100.0, 101.0, 99.0, 100.0, 1e6];
    let low: Row = [100.0, 101.0, 90.0, 100.0, 1e6];
    let bars = [far, far, far, far, low];
    let ended = |time_in_force| {
        let request = order(Side::Buy, OrderKind::Limit { limit: 95.0 });
        let mut strategy = give(vec![request.time_in_force(time_in_force)]);
        let result = play(panel_at(&[&bars], hours), |config| config, &mut strategy);
        (result.orders[0].outcome, result.orders[0].ended)
    };
    assert_eq!(ended(TimeInForce::Gtc), (OrderOutcome::Filled, 4));
    assert_eq!(ended(TimeInForce::Day), (cancelled(CancelReason::Expired), 1));
    assert_eq!(ended(TimeInForce::Ioc), (cancelled(CancelReason::Expired), 1));
    assert_eq!(ended(TimeInForce::Fok), (cancelled(CancelReason::Expired), 1));
}

#[test]
fn volume_lets_only_a_part_through() {
    let mut bars = flat(&[10.0, 10.0, 10.0, 10.0]);
    bars.iter_mut().for_each(|bar| bar[4] = 100.0);
    let dealt = |time_in_force| {
        let request = OrderRequest::market(0, Side::Buy, 25.0).time_in_force(time_in_force);
        let change = |config| alphafleet_backtest::Config { participation: Some(0.1), ..config };
        let result = play(panel(&[&bars]), change, &mut give(vec![request]));
        result.fills.iter().map(|fill| fill.quantity).collect::<Vec<_>>()
    };
    assert_eq!(dealt(TimeInForce::Gtc), [10.0, 10.0, 5.0]);
    assert_eq!(dealt(TimeInForce::Day), [10.0]);
    assert_eq!(dealt(TimeInForce::Ioc), [10.0]);
    assert_eq!(dealt(TimeInForce::Fok), [0.0; 0]);
}

#[test]
fn orders_of_a_bar_share_its_volume() {
    let mut bars = flat(&[10.0, 10.0, 10.0]);
    bars.iter_mut().for_each(|bar| bar[4] = 100.0);
    let requests = vec![OrderRequest::market(0, Side::Buy, 7.0); 2];
    let change = |config| alphafleet_backtest::Config { participation: Some(0.1), ..config };
    let result = play(panel(&[&bars]), change, &mut give(requests));
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.quantity)).collect();
    assert_eq!(dealt, [(1, 7.0), (1, 3.0)]);
}

#[test]
fn suspended_instruments_deal_nothing() {
    let mut bars = vec![FIRST, GONE, [50.0, 50.0, 50.0, 50.0, 0.0], [60.0, 60.0, 60.0, 60.0, 1e6]];
    let others = flat(&[1.0, 1.0, 1.0, 1.0]);
    let buy = order(Side::Buy, OrderKind::Market);
    let result = play(panel(&[&bars, &others]), |config| config, &mut give(vec![buy]));
    assert_eq!((result.fills[0].bar, result.fills[0].price), (3, 60.0));
    bars[2][4] = 1.0;
    let result = play(panel(&[&bars, &others]), |config| config, &mut give(vec![buy]));
    assert_eq!((result.fills[0].bar, result.fills[0].price), (2, 50.0));
}

#[test]
fn price_limits_bar_one_side() {
    let dealt = |side, open: f64| {
        let bars = [FIRST, [open, open, open, open, 1e6], [100.0, 100.0, 100.0, 100.0, 1e6]];
        let change = |config| {
            let config = margin(config);
            alphafleet_backtest::Config { price_limit: Some(0.1), ..config }
        };
        let result = play(panel(&[&bars]), change, &mut give(vec![order(side, OrderKind::Market)]));
        result.fills.first().map(|fill| fill.bar)
    };
    assert_eq!(dealt(Side::Buy, 110.5), Some(2));
    assert_eq!(dealt(Side::Sell, 110.5), Some(1));
    assert_eq!(dealt(Side::Buy, 89.5), Some(1));
    // At the second bar the price is up against the last close: selling is free again.
    assert_eq!(dealt(Side::Sell, 89.5), Some(2));
}

#[test]
fn orders_can_be_taken_back() {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => {
                orders.submit(order(Side::Buy, OrderKind::Limit { limit: 90.0 }))?;
                orders.submit(order(Side::Buy, OrderKind::Limit { limit: 91.0 }))?;
            }
            1 => orders.cancel(alphafleet_backtest::OrderId(0)),
            _ => {}
        }
        Ok(())
    });
    let low: Row = [100.0, 100.0, 80.0, 100.0, 1e6];
    let result = play(panel(&[&[FIRST, FIRST, low]]), |config| config, &mut strategy);
    assert_eq!(result.orders[0].outcome, cancelled(CancelReason::Cancelled));
    assert_eq!(result.orders[1].outcome, OrderOutcome::Filled);
}

#[test]
fn too_many_orders_are_turned_away() {
    let request = order(Side::Buy, OrderKind::Limit { limit: 1.0 });
    let change = |config| alphafleet_backtest::Config { max_open_orders: 2, ..config };
    let result = play(panel(&[&[FIRST, FIRST]]), change, &mut give(vec![request; 3]));
    assert_eq!(result.orders[2].outcome, cancelled(CancelReason::TooManyOrders));
    assert_eq!(result.orders[1].outcome, cancelled(CancelReason::EndOfRun));
}

#[test]
fn stop_limit_sells_mirror_the_buys() {
    let sell = |stop, limit| order(Side::Sell, OrderKind::StopLimit { stop, limit });
    let reach: Row = [100.0, 101.0, 97.0, 97.5, 1e6];
    // The low of 97 reaches the stop of 98, which is above the limit of 97.5: dealt at 98.
    assert_eq!(deals(&[FIRST, reach], sell(98.0, 97.5)), [(1, 98.0)]);
    // A limit of 99 was passed on the way down. The next bar's high of 99.5 comes back to it.
    let back: Row = [98.0, 99.5, 97.0, 98.0, 1e6];
    assert_eq!(deals(&[FIRST, reach], sell(98.0, 99.0)), []);
    assert_eq!(deals(&[FIRST, reach, back], sell(98.0, 99.0)), [(2, 99.0)]);
    // An open at 96 is below both: the high of 97 reaches a limit of 96.5 afterwards.
    let gap: Row = [96.0, 97.0, 95.0, 95.5, 1e6];
    assert_eq!(deals(&[FIRST, gap], sell(98.0, 96.5)), [(1, 96.5)]);
    assert_eq!(deals(&[FIRST, gap], sell(98.0, 97.5)), []);
}

#[test]
fn a_bracket_of_a_short_sale_takes_profit_below_and_stops_above() {
    let play_bracket = |last: Row| {
        let mut strategy = scripted(|view, orders| {
            if view.step() == 0 {
                orders.bracket(OrderRequest::market(0, Side::Sell, 10.0), &exits(90.0, 105.0))?;
            }
            Ok(())
        });
        let entry: Row = [100.0, 101.0, 99.0, 100.0, 1e6];
        play(panel(&[&[FIRST, entry, last]]), margin, &mut strategy)
    };
    // Sold at 100 and bought back at 90: 10 · 10 gained.
    let profit = play_bracket([99.0, 100.0, 89.0, 95.0, 1e6]);
    assert_near(profit.days[2].equity, 100_100.0);
    // Bought back at 105: 10 · 5 lost.
    let loss = play_bracket([101.0, 106.0, 100.0, 104.0, 1e6]);
    assert_near(loss.days[2].equity, 99_950.0);
    // Both inside one bar: the loss is assumed.
    let both = play_bracket([100.0, 106.0, 89.0, 100.0, 1e6]);
    assert_near(both.days[2].equity, 99_950.0);
    // An open below the profit: bought back at 88.
    let gap = play_bracket([88.0, 106.0, 87.0, 100.0, 1e6]);
    assert_near(gap.days[2].equity, 100_120.0);
}

#[test]
fn fill_or_kill_and_immediate_or_cancel_at_their_first_bar() {
    let low: Row = [100.0, 101.0, 94.0, 100.0, 1e6];
    let dealt = |time_in_force| {
        let request = order(Side::Buy, OrderKind::Limit { limit: 95.0 });
        deals(&[FIRST, low, low], request.time_in_force(time_in_force))
    };
    // The low of 94 reaches the limit at the first bar after the order: all four are dealt there.
    for time_in_force in [TimeInForce::Day, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok] {
        assert_eq!(dealt(time_in_force), [(1, 95.0)], "{time_in_force:?}");
    }
}

#[test]
fn price_limits_bar_limit_orders_too() {
    let up: Row = [110.5, 112.0, 110.5, 111.0, 1e6];
    let calm: Row = [112.0, 113.0, 111.0, 112.0, 1e6];
    let request = order(Side::Buy, OrderKind::Limit { limit: 115.0 });
    let change = |config| alphafleet_backtest::Config { price_limit: Some(0.1), ..config };
    let result = play(panel(&[&[FIRST, up, calm]]), change, &mut give(vec![request]));
    // Open 110.5 is 10.5 % above 100: nobody sells. 112 is 0.9 % above 111.
    assert_eq!((result.fills[0].bar, result.fills[0].price), (2, 112.0));
}
