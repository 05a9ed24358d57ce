use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::strategies::{EntryOrder, RuleConfig, Sizing};
use alphafleet_backtest::{
    BacktestError, BacktestResult, Config, CorporateAction, Market, OrderKind, OrderRequest,
    Orders, Strategy, TimeInForce, View, run,
};
use alphafleet_factors::DateRange;
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Open, high, low, close, volume of a bar.
pub type Row = [f64; 5];

/// A bar that an instrument does not have.
pub const GONE: Row = [f64::NAN; 5];

pub fn day(number: usize) -> NaiveDateTime {
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap().and_time(NaiveTime::MIN);
    first + TimeDelta::days(i64::try_from(number).unwrap())
}

/// Daily bars of instruments named A, B, …; a bar that is gone has no row.
pub fn panel(instruments: &[&[Row]]) -> Panel {
    panel_at(instruments, day)
}

pub fn panel_at(instruments: &[&[Row]], time: impl Fn(usize) -> NaiveDateTime) -> Panel {
    let mut builder = PanelBuilder::new(["open", "high", "low", "close", "volume"]);
    for (rows, name) in instruments.iter().zip('A'..) {
        for (bar, values) in rows.iter().enumerate().filter(|(_, row)| !row[3].is_nan()) {
            let name = name.to_string();
            builder.push(PanelRow { instrument: &name, time: time(bar), values }).unwrap();
        }
    }
    builder.build().unwrap()
}

/// Bars that stay at one price.
pub fn flat(prices: &[f64]) -> Vec<Row> {
    prices.iter().map(|&price| [price, price, price, price, 1e6]).collect()
}

pub fn whole(panel: &Panel) -> Config {
    let calendar = panel.calendar();
    let (start, end) = (calendar[0].date(), calendar.last().unwrap().date());
    Config::new(DateRange { start, end })
}

type Script<'a> = dyn FnMut(&View<'_>, &mut Orders<'_>) -> Result<(), BacktestError> + 'a;

/// A strategy written down in a test.
pub struct Scripted<'a>(pub Box<Script<'a>>);

impl Strategy for Scripted<'_> {
    fn on_bar(&mut self, view: &View<'_>, orders: &mut Orders<'_>) -> Result<(), BacktestError> {
        (self.0)(view, orders)
    }
}

pub fn scripted<'a>(
    script: impl FnMut(&View<'_>, &mut Orders<'_>) -> Result<(), BacktestError> + 'a,
) -> Scripted<'a> {
    Scripted(Box::new(script))
}

pub fn play(
    panel: Panel,
    change: impl FnOnce(Config) -> Config,
    strategy: &mut dyn Strategy,
) -> BacktestResult {
    play_with(panel, &[], change, strategy)
}

pub fn play_with(
    panel: Panel,
    actions: &[CorporateAction],
    change: impl FnOnce(Config) -> Config,
    strategy: &mut dyn Strategy,
) -> BacktestResult {
    let config = change(whole(&panel));
    let market = Market::prepare(Arc::new(panel), actions).unwrap();
    run(&market, &config, strategy, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Gives these orders at the first bar.
pub fn give(requests: Vec<OrderRequest>) -> Scripted<'static> {
    scripted(move |view, orders| {
        if view.step() == 0 {
            for &request in &requests {
                orders.submit(request)?;
            }
        }
        Ok(())
    })
}

pub fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs().max(1.0)
}

#[track_caller]
pub fn assert_near(a: f64, b: f64) {
    assert!(near(a, b), "{a} is not {b}");
}

/// Exits of a bracket: a limit to take the profit at and a stop for the loss.
pub fn exits(profit: f64, loss: f64) -> [OrderKind; 2] {
    [OrderKind::Limit { limit: profit }, OrderKind::Stop { stop: loss }]
}

/// Rules without short sales, dealt by market orders.
pub fn rules(entry: &str, exit: &str, sizing: Sizing) -> RuleConfig {
    RuleConfig {
        entry: entry.to_owned(),
        exit: exit.to_owned(),
        short_entry: None,
        short_exit: None,
        sizing,
        max_positions: None,
        entry_order: EntryOrder::Market,
        time_in_force: TimeInForce::Day,
        stop_loss: None,
        take_profit: None,
        trailing_stop: None,
    }
}
