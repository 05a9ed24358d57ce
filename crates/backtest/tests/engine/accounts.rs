use alphafleet_backtest::{
    AccountConfig, CancelReason, Config, CostConfig, OrderKind, OrderOutcome, OrderRequest, Side,
};

use crate::support::{assert_near, flat, give, panel, panel_at, play, scripted};

fn margin(config: Config) -> Config {
    Config { account: AccountConfig::Margin { initial: 0.5, maintenance: 0.25 }, ..config }
}

#[test]
fn cash_buys_no_more_than_it_pays_for() {
    let costs = CostConfig { open_rate: 0.01, ..CostConfig::default() };
    let change = |config| Config { costs, ..config };
    let request = OrderRequest::market(0, Side::Buy, 20_000.0);
    let result = play(panel(&[&flat(&[10.0, 10.0])]), change, &mut give(vec![request]));
    // 9,900 cost 99,990 with commission; one more would be too many.
    assert_near(result.fills[0].quantity, 9_900.0);
    assert_near(result.days[1].cash, 10.0);
    let reason = OrderOutcome::Cancelled(CancelReason::InsufficientFunds);
    assert_eq!(result.orders[0].outcome, reason);
}

#[test]
fn cash_accounts_do_not_sell_short() {
    let requests =
        vec![OrderRequest::market(0, Side::Buy, 5.0), OrderRequest::market(1, Side::Sell, 5.0)];
    let bars = flat(&[10.0, 10.0]);
    let result = play(panel(&[&bars, &bars]), |config| config, &mut give(requests));
    assert_eq!(result.fills.len(), 1);
    let reason = OrderOutcome::Cancelled(CancelReason::NothingToSell);
    assert_eq!(result.orders[1].outcome, reason);
}

#[test]
fn sells_of_a_bar_pay_for_its_buys() {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => orders.submit(OrderRequest::market(0, Side::Buy, 10_000.0)).map(drop)?,
            1 => {
                orders.submit(OrderRequest::market(1, Side::Buy, 10_000.0))?;
                orders.submit(OrderRequest::market(0, Side::Sell, 10_000.0))?;
            }
            _ => {}
        }
        Ok(())
    });
    let bars = flat(&[10.0, 10.0, 10.0]);
    let result = play(panel(&[&bars, &bars]), |config| config, &mut strategy);
    assert_near(result.held[0].quantity, 10_000.0);
    assert_eq!(result.held[0].instrument, 1);
}

#[test]
fn lots_round_what_opens_and_let_all_of_a_position_go() {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => orders.submit(OrderRequest::market(0, Side::Buy, 250.0)).map(drop)?,
            1 => orders.submit(OrderRequest::market(0, Side::Sell, 150.0)).map(drop)?,
            2 => orders.submit(OrderRequest::market(0, Side::Buy, 60.0)).map(drop)?,
            3 => drop(orders.target_quantity(0, 0.0)?),
            _ => {}
        }
        Ok(())
    });
    let change = |config| Config { lot: 100.0, ..config };
    let result = play(panel(&[&flat(&[10.0; 5])]), change, &mut strategy);
    let dealt: Vec<_> = result.fills.iter().map(|fill| fill.quantity).collect();
    assert_eq!(dealt, [200.0, 100.0, 100.0]);
    let reason = OrderOutcome::Cancelled(CancelReason::BelowLot);
    assert_eq!(result.orders[2].outcome, reason);
}

#[test]
fn what_was_bought_today_is_not_sold_today() {
    let hours = |bar: usize| {
        crate::support::day(bar / 3) + chrono::TimeDelta::hours(i64::try_from(bar % 3).unwrap())
    };
    let sold = |same_session_sale| {
        let mut strategy = scripted(|view, orders| {
            if view.step() == 0 {
                orders.submit(OrderRequest::market(0, Side::Buy, 10.0))?;
            } else if view.quantity(0) > 0.0 {
                orders.submit(OrderRequest::market(0, Side::Sell, 10.0))?;
            }
            Ok(())
        });
        let panel = panel_at(&[&flat(&[10.0; 6])], hours);
        let result = play(panel, |config| Config { same_session_sale, ..config }, &mut strategy);
        result.fills.iter().find(|fill| fill.side == Side::Sell).map(|fill| fill.bar)
    };
    assert_eq!(sold(true), Some(2));
    assert_eq!(sold(false), Some(3));
}

#[test]
fn margin_carries_twice_the_equity_long_or_short() {
    for (side, value) in [(Side::Buy, 200_000.0), (Side::Sell, -200_000.0)] {
        let request = OrderRequest::market(0, side, 30_000.0);
        let result = play(panel(&[&flat(&[10.0, 10.0])]), margin, &mut give(vec![request]));
        assert_near(result.days[1].value, value);
        assert_near(result.days[1].gross, 200_000.0);
        assert_near(result.days[1].equity, 100_000.0);
    }
}

#[test]
fn a_margin_call_closes_everything_at_the_next_open() {
    // 20,000 at 10 with 100,000 borrowed: at 6.5 the equity is 30,000 of 130,000, below a quarter.
    let request = OrderRequest::market(0, Side::Buy, 20_000.0);
    let prices = flat(&[10.0, 10.0, 6.5, 6.4, 6.4]);
    let result = play(panel(&[&prices]), margin, &mut give(vec![request]));
    assert_eq!(result.liquidations, 1);
    assert!(result.held.is_empty());
    assert_eq!(result.fills[1].bar, 3);
    assert_near(result.days[4].equity, 28_000.0);
    assert!(!result.ruined);
}

#[test]
fn ruin_ends_the_run() {
    let request = OrderRequest::market(0, Side::Buy, 20_000.0);
    let prices = flat(&[10.0, 10.0, 4.0, 4.0]);
    let result = play(panel(&[&prices]), margin, &mut give(vec![request]));
    assert!(result.ruined);
    assert_eq!(result.days.len(), 3);
    assert_near(result.days[2].equity, -20_000.0);
}

#[test]
fn turning_a_position_over_makes_two_trades() {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => orders.target_quantity(0, 100.0).map(drop)?,
            1 => orders.target_quantity(0, -50.0).map(drop)?,
            2 => orders.target_quantity(0, 0.0).map(drop)?,
            _ => {}
        }
        Ok(())
    });
    let costs = CostConfig { open_rate: 0.01, close_rate: 0.01, ..CostConfig::default() };
    let change = |config| margin(Config { costs, ..config });
    let result = play(panel(&[&flat(&[10.0, 10.0, 12.0, 11.0])]), change, &mut strategy);
    assert_eq!(result.trades.len(), 2);
    let [long, short] = [result.trades[0], result.trades[1]];
    assert_eq!((long.side, short.side), (Side::Buy, Side::Sell));
    // 100 from 10 to 12, costs 10 and 12; 50 from 12 to 11, costs 6 and 5.5.
    assert_near(long.gain, 200.0 - 22.0);
    assert_near(short.gain, 50.0 - 11.5);
    assert_near(result.days[3].equity, 100_000.0 + long.gain + short.gain);
    assert_near(result.contributions[0].total, long.gain + short.gain);
}

#[test]
fn a_margin_call_pays_its_costs() {
    // As above, with a hundredth of what is closed: 20,000 at 6.4 are 128,000, of which 1,280.
    let costs = CostConfig { close_rate: 0.01, ..CostConfig::default() };
    let change = |config| margin(Config { costs, ..config });
    let request = OrderRequest::market(0, Side::Buy, 20_000.0);
    let prices = flat(&[10.0, 10.0, 6.5, 6.4, 6.4]);
    let result = play(panel(&[&prices]), change, &mut give(vec![request]));
    assert_eq!((result.liquidations, result.fills[1].bar), (1, 3));
    assert_near(result.days[3].costs, 1_280.0);
    assert_near(result.days[4].equity, 26_720.0);
}

#[test]
fn a_margin_call_and_the_strategy_do_not_both_sell() {
    // As above; the strategy wants out, or more, at the bar of the margin call.
    let prices = flat(&[10.0, 10.0, 6.5, 6.4, 6.4, 6.4]);
    for wanted in [0.0, 100.0, 30_000.0] {
        let mut strategy = scripted(|view, orders| match view.step() {
            0 => orders.target_quantity(0, 20_000.0).map(drop),
            2 => orders.target_quantity(0, wanted).map(drop),
            _ => Ok(()),
        });
        let result = play(panel(&[&prices]), margin, &mut strategy);
        assert_eq!(result.liquidations, 1);
        assert!(result.held.is_empty(), "{wanted}: {:?}", result.held);
        assert_eq!(result.fills.len(), 2);
        assert_near(result.days[5].equity, 28_000.0);
        let refused = OrderOutcome::Cancelled(CancelReason::Liquidation);
        assert_eq!(result.orders[2].outcome, refused);
    }
}

#[test]
fn a_sale_that_costs_more_than_it_brings_is_not_made_without_money() {
    let costs = CostConfig { minimum: 5.0, ..CostConfig::default() };
    let sell = |cash: f64| {
        let mut strategy = scripted(|view, orders| match view.step() {
            0 => orders.target_quantity(0, 1.0).map(drop),
            2 => orders.target_quantity(0, 0.0).map(drop),
            _ => Ok(()),
        });
        let change = |config| Config { costs, capital: 105.0 + cash, ..config };
        play(panel(&[&flat(&[100.0, 100.0, 0.5, 0.5])]), change, &mut strategy)
    };
    let poor = sell(1.0);
    assert_eq!(poor.orders[1].outcome, OrderOutcome::Cancelled(CancelReason::InsufficientFunds));
    assert_near(poor.days[3].cash, 1.0);
    let rich = sell(10.0);
    assert_near(rich.days[3].cash, 5.5);
}

#[test]
fn a_stop_of_todays_purchase_waits_for_tomorrow() {
    let rows = [
        [10.0, 10.0, 10.0, 10.0, 1e6],
        [10.0, 10.0, 7.0, 9.0, 1e6],
        [9.0, 9.0, 7.5, 8.0, 1e6],
        [8.0, 8.0, 8.0, 8.0, 1e6],
    ];
    let entry = OrderRequest::market(0, Side::Buy, 100.0);
    let mut strategy = scripted(move |view, orders| match view.step() {
        0 => orders.bracket(entry, &[OrderKind::Stop { stop: 8.0 }]).map(drop),
        _ => Ok(()),
    });
    let change = |config| Config { same_session_sale: false, ..config };
    let result = play(panel(&[&rows]), change, &mut strategy);
    let dealt: Vec<_> = result.fills.iter().map(|fill| (fill.bar, fill.price)).collect();
    assert_eq!(dealt, [(1, 10.0), (2, 8.0)]);
}
