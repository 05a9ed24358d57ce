use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::{
    ActionKind, Config, CorporateAction, Market, OrderKind, OrderRequest, Side, TimeInForce, run,
};

use crate::support::{GONE, assert_near, day, flat, give, panel, panel_at, play, play_with, whole};

fn action(bar: usize, kind: ActionKind) -> CorporateAction {
    CorporateAction { instrument: "A".to_owned(), time: day(bar), kind }
}

#[test]
fn splits_change_shares_and_waiting_orders_but_no_worth() {
    let buy = OrderRequest::market(0, Side::Buy, 100.0);
    let stop = buy.kind(OrderKind::Stop { stop: 30.0 }).time_in_force(TimeInForce::Gtc);
    let mut bars = flat(&[20.0, 20.0, 10.0, 10.0]);
    bars[3][1] = 15.0;
    let split = action(2, ActionKind::Split { ratio: 2.0 });
    let result = play_with(panel(&[&bars]), &[split], |config| config, &mut give(vec![buy, stop]));
    assert_near(result.days[2].equity, 100_000.0);
    // The stop of 30 for 100 became one of 15 for 200.
    assert_eq!((result.fills[1].price, result.fills[1].quantity), (15.0, 200.0));
    assert_near(result.held[0].quantity, 400.0);
}

#[test]
fn a_split_is_no_move_of_the_price() {
    let split = action(1, ActionKind::Split { ratio: 2.0 });
    let sell = OrderRequest::market(0, Side::Sell, 1.0);
    let account = alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config {
        price_limit: Some(0.1),
        benchmark: Some("A".to_owned()),
        account,
        ..config
    };
    let bars = flat(&[20.0, 10.0]);
    let result = play_with(panel(&[&bars]), &[split], change, &mut give(vec![sell]));
    assert_eq!(result.fills[0].bar, 1);
    assert_near(result.days[1].benchmark.unwrap(), 0.0);
}

#[test]
fn dividends_are_paid_to_holders_and_owed_by_shorts() {
    let dividend = action(2, ActionKind::Dividend { per_share: 0.5 });
    for (side, paid) in [(Side::Buy, 50.0), (Side::Sell, -50.0)] {
        let account =
            alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
        let result = play_with(
            panel(&[&flat(&[10.0, 10.0, 10.0])]),
            std::slice::from_ref(&dividend),
            |config| Config { account, ..config },
            &mut give(vec![OrderRequest::market(0, side, 100.0)]),
        );
        assert_near(result.days[2].equity, 100_000.0 + paid);
        assert_near(result.contributions[0].dividends, paid);
    }
}

#[test]
fn what_is_delisted_is_paid_out() {
    let mut bars = flat(&[10.0, 10.0, 8.0]);
    bars.push(GONE);
    let other = flat(&[1.0; 4]);
    let paid = |delisting_recovery| {
        let buy = OrderRequest::market(0, Side::Buy, 100.0);
        let change = |config| Config { delisting_recovery, delisting_days: 1, ..config };
        let result = play(panel(&[&bars, &other]), change, &mut give(vec![buy]));
        assert!(result.held.is_empty());
        assert_eq!(result.trades.len(), 1);
        result.days[3].equity
    };
    assert_near(paid(1.0), 99_800.0);
    assert_near(paid(0.25), 99_200.0);
}

#[test]
fn holdings_that_do_not_trade_keep_their_last_price() {
    let bars = [flat(&[10.0, 10.0, 12.0]), vec![GONE], flat(&[11.0])].concat();
    let other = flat(&[1.0; 5]);
    let buy = OrderRequest::market(0, Side::Buy, 100.0);
    let result = play(panel(&[&bars, &other]), |config| config, &mut give(vec![buy]));
    let equity: Vec<_> = result.days.iter().map(|day| day.equity).collect();
    assert_eq!(equity, [100_000.0, 100_000.0, 100_200.0, 100_200.0, 100_100.0]);
}

#[test]
fn the_observer_can_end_a_run() {
    let panel = panel(&[&flat(&[1.0; 5])]);
    let config = whole(&panel);
    let market = Market::prepare(Arc::new(panel), &[]).unwrap();
    let mut seen = 0;
    let result = run(&market, &config, &mut give(vec![]), &mut |_| {
        seen += 1;
        if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let result = result.unwrap();
    assert!(result.stopped);
    assert_eq!((result.days.len(), seen), (3, 3));
}

#[test]
fn days_report_returns_turnover_costs_and_drawdown() {
    let buy = OrderRequest::market(0, Side::Buy, 5_000.0);
    let costs = alphafleet_backtest::CostConfig { open_rate: 0.01, ..Default::default() };
    let change = |config| Config { costs, benchmark: Some("A".to_owned()), ..config };
    let result = play(panel(&[&flat(&[10.0, 10.0, 12.0, 9.0])]), change, &mut give(vec![buy]));
    let [_, bought, up, down] = result.days[..] else { panic!() };
    assert_near(bought.costs, 500.0);
    assert_near(bought.turnover, 0.5);
    assert_near(bought.return_rate, -0.005);
    assert_near(bought.return_before_costs, 0.0);
    assert_near(up.return_rate, 10_000.0 / 99_500.0);
    assert_near(up.benchmark.unwrap(), 0.2);
    assert_near(up.drawdown, 0.0);
    assert_near(down.drawdown, -15_000.0 / 109_500.0);
}

#[test]
fn a_reverse_split_leaves_fractions_and_their_worth() {
    let buy = OrderRequest::market(0, Side::Buy, 105.0);
    let split = action(2, ActionKind::Split { ratio: 0.1 });
    let bars = flat(&[2.0, 2.0, 20.0, 22.0]);
    let result = play_with(panel(&[&bars]), &[split], |config| config, &mut give(vec![buy]));
    // 105 of 2 are 10.5 of 20; two more on each are 21.
    assert_near(result.held[0].quantity, 10.5);
    assert_near(result.days[2].equity, 100_000.0);
    assert_near(result.days[3].equity, 100_021.0);
}

#[test]
fn a_short_position_is_bought_back_at_the_delisting() {
    let mut bars = flat(&[10.0, 10.0, 8.0]);
    bars.push(GONE);
    let account = alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { account, delisting_recovery: 0.5, delisting_days: 1, ..config };
    let sell = OrderRequest::market(0, Side::Sell, 100.0);
    let result = play(panel(&[&bars, &flat(&[1.0; 4])]), change, &mut give(vec![sell]));
    // Sold for 1,000, settled at half of 8: 400 paid.
    assert_near(result.days[3].equity, 100_600.0);
    assert!(result.held.is_empty());
}

#[test]
fn income_is_noted_bar_by_bar() {
    let costs = alphafleet_backtest::CostConfig { borrow_rate: 0.365, ..Default::default() };
    let account = alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let dividend = action(2, ActionKind::Dividend { per_share: 0.5 });
    let noted = |record_positions| {
        let result = play_with(
            panel(&[&flat(&[10.0; 4])]),
            std::slice::from_ref(&dividend),
            |config| Config { costs, account, record_positions, ..config },
            &mut give(vec![OrderRequest::market(0, Side::Sell, 100.0)]),
        );
        let income: Vec<_> = result.income.iter().map(|one| (one.bar, one.amount)).collect();
        (income, result.contributions[0].dividends + result.contributions[0].borrow)
    };
    // 100 short at 10: a thousandth of 1,000 a night, and half a unit a share at bar 2.
    let (income, total) = noted(true);
    assert_eq!(income, [(2, -1.0), (2, -50.0), (3, -1.0)]);
    assert_near(total, -52.0);
    assert_eq!(noted(false), (vec![], -52.0));
}

#[test]
fn a_delisting_is_known_after_so_many_days_whatever_comes_later() {
    let buy = OrderRequest::market(0, Side::Buy, 100.0);
    let other = flat(&[1.0; 8]);
    let gap = [flat(&[10.0, 10.0, 8.0]), vec![GONE; 4], flat(&[9.0])].concat();
    for (days, sold) in [(3, Some(5)), (4, Some(6)), (5, None)] {
        let change = |config| Config { delisting_days: days, ..config };
        let result = play(panel(&[&gap, &other]), change, &mut give(vec![buy]));
        assert_eq!(result.fills.get(1).map(|fill| fill.bar), sold, "{days} days");
        // Without the future the past is the same.
        for end in 4..8 {
            let cut = panel(&[&gap[..end], &other[..end]]);
            let part = play(cut, change, &mut give(vec![buy]));
            assert_eq!(part.days, result.days[..end], "{days} days, cut at {end}");
        }
    }
}

#[test]
fn a_day_without_bars_is_no_delisting_of_intraday_bars() {
    // Four bars a day; the instrument has none on the second day.
    let time = |bar: usize| day(bar / 4) + chrono::TimeDelta::minutes(570 + bar as i64 % 4 * 5);
    let bars = [flat(&[10.0; 4]), vec![GONE; 4], flat(&[11.0; 4])].concat();
    let data = || panel_at(&[&bars, &flat(&[1.0; 12])], time);
    let buy = OrderRequest::market(0, Side::Buy, 100.0);
    let after = |days| {
        let change = |config| Config { delisting_days: days, ..config };
        play(data(), change, &mut give(vec![buy])).fills.get(1).map(|fill| fill.bar)
    };
    assert_eq!((after(1), after(2)), (None, None), "it is back before the next day");
    let gone = [flat(&[10.0; 4]), vec![GONE; 8]].concat();
    let data = panel_at(&[&gone, &flat(&[1.0; 12])], time);
    let change = |config| Config { delisting_days: 1, ..config };
    let result = play(data, change, &mut give(vec![buy]));
    assert_eq!(result.fills[1].bar, 8, "the second day was over without a bar");
}

#[test]
fn interest_is_on_the_balances_of_before_the_day() {
    let costs = alphafleet_backtest::CostConfig { cash_rate: 0.365, ..Default::default() };
    let dividend = action(2, ActionKind::Dividend { per_share: 10.0 });
    let change = |config| Config { costs, ..config };
    let buy = OrderRequest::market(0, Side::Buy, 1_000.0);
    let bars = flat(&[50.0, 50.0, 50.0, 50.0]);
    let result = play_with(panel(&[&bars]), &[dividend], change, &mut give(vec![buy]));
    // 100,000 for the first day, 50,000 and its interest for the second, with 10,000 the third.
    let first = 100_000.0 * 1e-3;
    let second = (50_000.0 + first) * 1e-3;
    let third = (60_000.0 + first + second) * 1e-3;
    assert_near(result.interest, first + second + third);

    let costs = alphafleet_backtest::CostConfig { borrow_rate: 0.365, ..Default::default() };
    let account = alphafleet_backtest::AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { costs, account, delisting_days: 1, ..config };
    let mut bars = flat(&[10.0, 10.0]);
    bars.push(GONE);
    let sell = OrderRequest::market(0, Side::Sell, 100.0);
    let result = play(panel(&[&bars, &flat(&[1.0; 3])]), change, &mut give(vec![sell]));
    assert_near(result.contributions[0].borrow, -1.0);
}

#[test]
fn strategies_see_no_split_and_no_dividend_in_prices() {
    let split = action(2, ActionKind::Split { ratio: 2.0 });
    let dividend = action(4, ActionKind::Dividend { per_share: 1.0 });
    let bars = flat(&[20.0, 22.0, 11.0, 10.0, 9.0, 9.0]);
    let mut seen = Vec::new();
    let mut strategy = crate::support::scripted(|view, _| {
        seen.push((view.closes(0).to_vec(), view.last_close(0)));
        Ok(())
    });
    let actions = [split, dividend];
    play_with(panel(&[&bars]), &actions, |config| config, &mut strategy);
    drop(strategy);
    let (closes, last) = &seen[5];
    let expected = [20.0, 22.0, 22.0, 20.0, 20.0, 20.0];
    closes.iter().zip(expected).for_each(|(&found, expected)| assert_near(found, expected));
    assert_near(*last, 9.0);
    // What was seen earlier was the same: a factor is of the actions up to its bar.
    for (bar, (closes, _)) in seen.iter().enumerate() {
        assert_eq!(closes[..], seen[5].0[..=bar]);
    }
    let late = action(3, ActionKind::Dividend { per_share: 11.0 });
    let error = Market::prepare(Arc::new(panel(&[&bars])), &[late]).unwrap_err();
    assert_eq!(error.code(), "out_of_range");
    assert!(error.to_string().contains("dividend.per_share"), "{error}");
}
