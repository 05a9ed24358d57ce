use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::{
    AccountConfig, Config, CostConfig, DealPrice, Market, MarketProfile, OrderRequest, Side,
    Slippage, run,
};

use crate::support::{assert_near, day, flat, give, panel, play, scripted, whole};

/// Commission and tax of buying 100 at 10 and selling them at 12.
fn costs(costs: CostConfig) -> [(f64, f64); 2] {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => orders.submit(OrderRequest::market(0, Side::Buy, 100.0)).map(drop)?,
            1 => orders.submit(OrderRequest::market(0, Side::Sell, 100.0)).map(drop)?,
            _ => {}
        }
        Ok(())
    });
    let panel = panel(&[&flat(&[10.0, 10.0, 12.0])]);
    let result = play(panel, |config| Config { costs, ..config }, &mut strategy);
    let end = result.days[2].equity;
    let paid: f64 = result.fills.iter().map(|fill| fill.commission + fill.tax).sum();
    assert_near(end, 100_000.0 + 200.0 - paid);
    assert_near(result.trades[0].gain, 200.0 - paid);
    assert_near(result.trades[0].return_rate, (200.0 - paid) / 1_000.0);
    [0, 1].map(|at| (result.fills[at].commission, result.fills[at].tax))
}

#[test]
fn commissions_are_rates_amounts_and_a_minimum() {
    let none = CostConfig::default();
    assert_eq!(costs(none), [(0.0, 0.0), (0.0, 0.0)]);
    let rates = CostConfig { open_rate: 0.001, close_rate: 0.002, ..none };
    let [buy, sell] = costs(rates);
    assert_near(buy.0, 1.0);
    assert_near(sell.0, 2.4);
    let per_unit = CostConfig { per_unit: 0.005, ..none };
    assert_near(costs(per_unit)[0].0, 0.5);
    let minimum = CostConfig { minimum: 2.0, ..rates };
    let [buy, sell] = costs(minimum);
    assert_near(buy.0, 2.0);
    assert_near(sell.0, 2.4);
    let taxed = CostConfig { sell_tax: 0.001, ..none };
    let [buy, sell] = costs(taxed);
    assert_near(buy.1, 0.0);
    assert_near(sell.1, 1.2);
}

#[test]
fn slippage_makes_market_orders_worse() {
    let price = |slippage, side| {
        let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
        let mut bars = flat(&[100.0, 100.0]);
        bars[1][4] = 1_000.0;
        let change = |config| Config { slippage, account, ..config };
        let request = OrderRequest::market(0, side, 40.0);
        let fill = play(panel(&[&bars]), change, &mut give(vec![request])).fills[0];
        assert_near(fill.slippage, (fill.price - 100.0).abs() * 40.0);
        fill.price
    };
    assert_near(price(Slippage::Fixed(0.25), Side::Buy), 100.25);
    assert_near(price(Slippage::Fixed(0.25), Side::Sell), 99.75);
    assert_near(price(Slippage::Proportional(0.001), Side::Buy), 100.1);
    assert_near(price(Slippage::Proportional(0.001), Side::Sell), 99.9);
    // √(40 / 1000) = 0.2
    assert_near(price(Slippage::SquareRoot(0.1), Side::Buy), 102.0);
}

#[test]
fn what_is_not_dealt_does_not_slip() {
    // 9,000 are asked for; 10,000 pay for some 90, whose impact is √(90 / 1e4) of a tenth.
    let bars = [[100.0, 100.0, 100.0, 100.0, 1e4]; 2];
    let change =
        |config| Config { capital: 10_000.0, slippage: Slippage::SquareRoot(0.1), ..config };
    let request = OrderRequest::market(0, Side::Buy, 9_000.0);
    let result = play(panel(&[&bars]), change, &mut give(vec![request]));
    let fill = result.fills[0];
    assert!(fill.quantity > 80.0 && fill.quantity < 100.0);
    assert_near(fill.price, 100.0 * (1.0 + 0.1 * (fill.quantity / 1e4).sqrt()));
}

#[test]
fn nothing_slips_beyond_the_price_limit() {
    let change = |slippage| move |config| Config { slippage, price_limit: Some(0.1), ..config };
    for (rate, price) in [(0.02, 107.1), (0.2, 110.0)] {
        let bars = [[100.0, 100.0, 100.0, 100.0, 1e6], [105.0, 108.0, 104.0, 106.0, 1e6]];
        let request = OrderRequest::market(0, Side::Buy, 10.0);
        let change = change(Slippage::Proportional(rate));
        assert_near(play(panel(&[&bars]), change, &mut give(vec![request])).fills[0].price, price);
    }
}

#[test]
fn a_field_deals_within_its_bar_and_has_to_be_a_price() {
    let bars = [[100.0, 101.0, 99.0, 100.0, 1e6]; 3];
    let dealt = |vwap: [f64; 3]| {
        let panel = panel(&[&bars]).with_field("vwap", vwap.to_vec()).unwrap();
        let deal_price = DealPrice::NextField("vwap".to_owned());
        let config = Config { deal_price, ..whole(&panel) };
        let market = Market::prepare(Arc::new(panel), &[]).unwrap();
        let mut strategy = give(vec![OrderRequest::market(0, Side::Buy, 10.0)]);
        run(&market, &config, &mut strategy, &mut |_| ControlFlow::Continue(()))
    };
    for (vwap, price) in [(100.5, 100.5), (101.5, 101.0), (98.0, 99.0), (f64::NAN, 100.0)] {
        assert_near(dealt([100.0, vwap, 100.0]).unwrap().fills[0].price, price);
    }
    let error = dealt([1e6, 1e6, 100.0]).unwrap_err();
    assert_eq!(error.code(), "no_price");
    assert!(error.to_string().contains("$vwap") && error.to_string().contains("2 of 3"), "{error}");
}

#[test]
fn limit_orders_do_not_slip() {
    let bars = [[100.0, 100.0, 100.0, 100.0, 1e6], [100.0, 101.0, 97.0, 100.0, 1e6]];
    let kind = alphafleet_backtest::OrderKind::Limit { limit: 98.0 };
    let request = OrderRequest::market(0, Side::Buy, 10.0).kind(kind);
    let change = |config| Config { slippage: Slippage::Fixed(1.0), ..config };
    assert_eq!(play(panel(&[&bars]), change, &mut give(vec![request])).fills[0].price, 98.0);
}

#[test]
fn interest_and_borrowing_go_by_days() {
    let costs = CostConfig {
        cash_rate: 0.0365,
        debit_rate: 0.073,
        borrow_rate: 0.365,
        ..CostConfig::default()
    };
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { costs, account, ..config };
    // Cash alone: a ten-thousandth a day.
    let result = play(panel(&[&flat(&[10.0, 10.0])]), change, &mut give(vec![]));
    assert_near(result.days[1].equity, 100_010.0);
    // 10,000 shares short at 10: cash 200,000, and a thousandth of 100,000 a day for borrowing.
    let sell = OrderRequest::market(0, Side::Sell, 10_000.0);
    let result = play(panel(&[&flat(&[10.0, 10.0, 10.0])]), change, &mut give(vec![sell]));
    assert_near(result.days[1].cash, 200_010.0);
    assert_near(result.days[2].equity, 100_010.0 + 20.001 - 100.0);
    assert_near(result.contributions[0].borrow, -100.0);
    // 15,000 bought at 10 leave a debt of 50,000 less one day's interest.
    let buy = OrderRequest::market(0, Side::Buy, 15_000.0);
    let result = play(panel(&[&flat(&[10.0, 10.0, 10.0])]), change, &mut give(vec![buy]));
    assert_near(result.days[2].equity, 100_010.0 - 49_990.0 * 0.0002);
}

#[test]
fn a_multiplier_scales_worth_but_not_prices() {
    let change = |config| Config {
        multiplier: 50.0,
        account: AccountConfig::Margin { initial: 0.1, maintenance: 0.05 },
        ..config
    };
    let request = OrderRequest::market(0, Side::Buy, 3.0);
    let result = play(panel(&[&flat(&[1000.0, 1000.0, 1010.0])]), change, &mut give(vec![request]));
    assert_eq!(result.fills[0].price, 1000.0);
    assert_near(result.fills[0].value, 150_000.0);
    assert_near(result.days[2].equity, 101_500.0);
    assert_eq!(result.held[0].price, 1010.0);
}

#[test]
fn market_profiles_are_valid() {
    let period = whole(&panel(&[&flat(&[1.0])])).period;
    for profile in
        [MarketProfile::Us, MarketProfile::Cn, MarketProfile::Crypto, MarketProfile::Futures]
    {
        profile.config(period).validate().unwrap();
    }
    assert_eq!(MarketProfile::Cn.config(period).lot, 100.0);
    assert_eq!(MarketProfile::Crypto.config(period).bars_per_year, 365.0);
    assert_eq!(period.start, day(0).date());
}

#[test]
fn the_minimum_is_paid_for_every_fill() {
    let mut bars = flat(&[10.0; 4]);
    bars.iter_mut().for_each(|bar| bar[4] = 100.0);
    let costs = CostConfig { open_rate: 0.001, minimum: 2.0, ..CostConfig::default() };
    let change = |config| Config { costs, participation: Some(0.1), ..config };
    let request = OrderRequest::market(0, Side::Buy, 25.0);
    let request = request.time_in_force(alphafleet_backtest::TimeInForce::Gtc);
    let result = play(panel(&[&bars]), change, &mut give(vec![request]));
    // A tenth of 100 a bar: 10, 10 and 5 shares of 10. A thousandth of 100 is below 2 each time.
    let paid: Vec<_> = result.fills.iter().map(|fill| (fill.quantity, fill.commission)).collect();
    assert_eq!(paid, [(10.0, 2.0), (10.0, 2.0), (5.0, 2.0)]);
    assert_near(result.days[3].equity, 100_000.0 - 6.0);
}

#[test]
fn the_tax_is_on_sells_that_open_a_short_position_too() {
    let mut strategy = scripted(|view, orders| {
        match view.step() {
            0 => orders.submit(OrderRequest::market(0, Side::Sell, 100.0)).map(drop)?,
            1 => orders.submit(OrderRequest::market(0, Side::Buy, 100.0)).map(drop)?,
            _ => {}
        }
        Ok(())
    });
    let costs = CostConfig { sell_tax: 0.001, ..CostConfig::default() };
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { costs, account, ..config };
    let result = play(panel(&[&flat(&[10.0, 10.0, 12.0])]), change, &mut strategy);
    // 1,000 sold, 1 of tax; 1,200 paid without tax: 100,000 − 200 − 1.
    assert_eq!([result.fills[0].tax, result.fills[1].tax], [1.0, 0.0]);
    assert_near(result.days[2].equity, 99_799.0);
}

#[test]
fn stops_slip_from_their_price() {
    let bars = [[100.0, 100.0, 100.0, 100.0, 1e6], [100.0, 101.0, 97.0, 100.0, 1e6]];
    let account = AccountConfig::Margin { initial: 0.5, maintenance: 0.25 };
    let change = |config| Config { slippage: Slippage::Fixed(0.25), account, ..config };
    let stop = alphafleet_backtest::OrderKind::Stop { stop: 98.0 };
    let request = OrderRequest::market(0, Side::Sell, 10.0).kind(stop);
    // Reached at 98, dealt a quarter below.
    let fill = play(panel(&[&bars]), change, &mut give(vec![request])).fills[0];
    assert_near(fill.price, 97.75);
    assert_near(fill.slippage, 2.5);
}

#[test]
fn impact_of_a_bar_without_volume_is_the_whole_coefficient() {
    let mut bars = flat(&[100.0, 100.0]);
    bars[1][4] = 0.0;
    let change = |config| Config {
        slippage: Slippage::SquareRoot(0.1),
        zero_volume_suspends: false,
        ..config
    };
    let request = OrderRequest::market(0, Side::Buy, 40.0);
    // 100 · (1 + 0.1)
    assert_near(play(panel(&[&bars]), change, &mut give(vec![request])).fills[0].price, 110.0);
}

#[test]
fn a_weekend_bears_interest_for_three_days() {
    // Day 4 is Friday, the fifth of January 2024; the next bar is Monday.
    let weekend = |bar: usize| day(4 + 3 * bar);
    let costs = CostConfig { cash_rate: 0.0365, ..CostConfig::default() };
    let panel = crate::support::panel_at(&[&flat(&[10.0, 10.0])], weekend);
    let result = play(panel, |config| Config { costs, ..config }, &mut give(vec![]));
    // 100,000 · 0.0365 · 3 / 365
    assert_near(result.days[1].equity, 100_030.0);
}
