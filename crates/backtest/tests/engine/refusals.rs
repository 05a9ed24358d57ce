use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_backtest::strategies::{
    MovingAverageCross, MovingAverageCrossConfig, RuleConfig, Rules, Sizing,
};
use alphafleet_backtest::{
    AccountConfig, BacktestError, Config, DealPrice, Market, OrderRequest, Score, Side, Signal, run,
};
use alphafleet_factors::DateRange;
use alphafleet_market::PanelBuilder;

use crate::support::{day, flat, give, panel, rules, scripted, whole};

fn code(change: impl FnOnce(Config) -> Config) -> &'static str {
    let panel = panel(&[&flat(&[10.0, 10.0])]);
    let config = change(whole(&panel));
    let market = Market::prepare(Arc::new(panel), &[]).unwrap();
    run(&market, &config, &mut give(vec![]), &mut |_| ControlFlow::Continue(())).unwrap_err().code()
}

#[test]
fn configurations_out_of_range_are_refused() {
    type Change = fn(Config) -> Config;
    let cases: [(&str, Change); 11] = [
        ("out_of_range", |config| Config { capital: 0.0, ..config }),
        ("out_of_range", |config| Config { capital: -1.0, ..config }),
        ("out_of_range", |config| Config { capital: f64::NAN, ..config }),
        ("out_of_range", |config| Config { lot: 0.0, ..config }),
        ("out_of_range", |config| Config { participation: Some(2.0), ..config }),
        ("out_of_range", |config| Config {
            account: AccountConfig::Margin { initial: 0.2, maintenance: 0.3 },
            ..config
        }),
        ("missing_field", |config| Config {
            deal_price: DealPrice::NextField("vwap".to_owned()),
            ..config
        }),
        ("unknown_instrument", |config| Config { benchmark: Some("Z".to_owned()), ..config }),
        ("period_outside_data", |config| Config {
            period: DateRange { start: day(0).date(), end: day(9).date() },
            ..config
        }),
        ("period_reversed", |config| Config {
            period: DateRange { start: day(1).date(), end: day(0).date() },
            ..config
        }),
        ("out_of_range", |config| Config { max_open_orders: 0, ..config }),
    ];
    for (expected, change) in cases {
        assert_eq!(code(change), expected);
    }
}

#[test]
fn unknown_settings_are_refused() {
    let document = r#"{"period":{"start":"2024-01-01","end":"2024-01-02"},"capitol":1}"#;
    let error = serde_json::from_str::<Config>(document).unwrap_err();
    assert!(error.to_string().contains("capitol"), "{error}");
}

#[test]
fn markets_without_prices_are_refused() {
    let empty = PanelBuilder::new(["open", "high", "low", "close"]).build().unwrap();
    assert_eq!(Market::prepare(Arc::new(empty), &[]).unwrap_err(), BacktestError::EmptyUniverse);
    let bad = panel(&[&flat(&[10.0, -1.0])]);
    assert_eq!(Market::prepare(Arc::new(bad), &[]).unwrap_err().code(), "price_out_of_range");
    let short = panel(&[&flat(&[10.0])]).without_field("open");
    assert_eq!(Market::prepare(Arc::new(short), &[]).unwrap_err().code(), "missing_field");
}

#[test]
fn signals_that_say_nothing_are_refused() {
    let panel = panel(&[&flat(&[10.0, 10.0])]);
    let score = |instrument, bar, score| Score { instrument, time: day(bar), score };
    let code =
        |rows: &[Score<'_>]| Signal::from_rows(&panel, rows.iter().copied()).unwrap_err().code();
    assert_eq!(code(&[]), "empty_signal");
    assert_eq!(code(&[score("A", 0, f64::NAN)]), "score_not_finite");
    assert_eq!(code(&[score("B", 0, 1.0)]), "unknown_instrument");
    assert_eq!(code(&[score("A", 7, 1.0)]), "unknown_time");
    assert_eq!(code(&[score("A", 0, 1.0), score("A", 0, 2.0)]), "duplicate_score");
    let column = |values: &[f64]| Signal::from_column(&panel, values).unwrap_err().code();
    assert_eq!(column(&[f64::NAN; 2]), "empty_signal");
    assert_eq!(column(&[1.0, f64::INFINITY]), "score_not_finite");
    assert_eq!(column(&[1.0]), "shape_mismatch");
}

#[test]
fn rules_that_look_ahead_are_refused() {
    let rule = |entry: &str, short_entry: Option<&str>| {
        Rules::new(RuleConfig {
            short_entry: short_entry.map(str::to_owned),
            ..rules(entry, "Lt($close, 1)", Sizing::Weight(0.5))
        })
        .map(drop)
    };
    assert_eq!(
        rule("Gt(Ref($close, -1), $close)", None).unwrap_err().code(),
        "feature_looks_ahead"
    );
    assert_eq!(rule("Gt($close, 1)", Some("Gt($close, 1)")).unwrap_err().code(), "incomplete");
    assert!(rule("Gt($close", None).is_err());
    rule("Gt($close, Ref($close, 1))", None).unwrap();
}

#[test]
fn a_rule_over_a_field_that_the_data_lack_is_named() {
    let refused = |config: RuleConfig| {
        let panel = panel(&[&flat(&[10.0, 10.0])]);
        let config = (whole(&panel), Rules::new(config).unwrap());
        let market = Market::prepare(Arc::new(panel), &[]).unwrap();
        let (config, mut rules) = config;
        run(&market, &config, &mut rules, &mut |_| ControlFlow::Continue(())).unwrap_err()
    };
    let (fine, wrong) = ("Gt($close, 1)", "Gt($vwap, 1)");
    let sizing = Sizing::Weight(0.5);
    let short = |entry: &str, exit: &str| RuleConfig {
        short_entry: Some(entry.to_owned()),
        short_exit: Some(exit.to_owned()),
        ..rules(fine, fine, sizing)
    };
    for (field, config) in [
        ("entry", rules(wrong, fine, sizing)),
        ("exit", rules(fine, wrong, sizing)),
        ("short_entry", short(wrong, fine)),
        ("short_exit", short(fine, wrong)),
    ] {
        let error = refused(config);
        assert_eq!(error.code(), "unknown_field");
        let expected = format!("the expression of {field} cannot be computed");
        assert_eq!(error.to_string(), expected);
        let BacktestError::Factor { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("$vwap"), "{source}");
    }
}

#[test]
fn means_of_the_wrong_order_are_refused() {
    let config = |fast, slow| MovingAverageCrossConfig {
        fast,
        slow,
        sizing: Sizing::Weight(1.0),
        short: false,
    };
    assert!(MovingAverageCross::new(config(5, 5)).is_err());
    assert!(MovingAverageCross::new(config(0, 5)).is_err());
    assert!(MovingAverageCross::new(config(2, 5)).is_ok());
}

#[test]
fn orders_that_make_no_sense_end_the_run_with_an_error() {
    let ends = |request: OrderRequest| {
        let panel = panel(&[&flat(&[10.0, 10.0])]);
        let config = whole(&panel);
        let market = Market::prepare(Arc::new(panel), &[]).unwrap();
        let mut strategy = scripted(move |_, orders| orders.submit(request).map(drop));
        run(&market, &config, &mut strategy, &mut |_| ControlFlow::Continue(()))
            .unwrap_err()
            .to_string()
    };
    assert!(ends(OrderRequest::market(0, Side::Buy, f64::NAN)).contains("order quantity"));
    assert!(ends(OrderRequest::market(0, Side::Buy, -1.0)).contains("order quantity"));
    assert!(ends(OrderRequest::market(5, Side::Buy, 1.0)).contains("order instrument"));
    let limit = alphafleet_backtest::OrderKind::Limit { limit: 0.0 };
    assert!(ends(OrderRequest::market(0, Side::Buy, 1.0).kind(limit)).contains("order limit"));
}
