//! Every option of Qlib's exchange and top-k dropout against pyqlib 0.9.7 on a small market with
//! suspensions, limit moves, changing factors and scores that are often equal.
//! `scripts/backtest-fixtures.py` writes the reference.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use alphafleet_backtest::qlib::{
    Accumulation, PriceLimit, QLIB_DAYS_PER_YEAR, QlibConfig, QlibMarket, QlibResult,
    risk_analysis, run_qlib,
};
use alphafleet_backtest::{Score, Signal};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Reference {
    calendar: Vec<NaiveDate>,
    start: NaiveDate,
    end: NaiveDate,
    market: BTreeMap<String, BTreeMap<String, Vec<Option<f64>>>>,
    scores: BTreeMap<String, Vec<Option<f64>>>,
    runs: BTreeMap<String, Run>,
}

#[derive(Deserialize)]
struct Run {
    account: Vec<f64>,
    cash: Vec<f64>,
    total_cost: Vec<f64>,
    total_turnover: Vec<f64>,
    bench: Vec<f64>,
    amounts: Vec<BTreeMap<String, f64>>,
    risk: BTreeMap<String, BTreeMap<String, f64>>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/qlib_variants.json")).unwrap()
}

impl Reference {
    fn times(&self) -> impl Iterator<Item = NaiveDateTime> {
        self.calendar.iter().map(|day| day.and_time(NaiveTime::MIN))
    }

    fn panel(&self) -> Panel {
        let fields: Vec<&String> = self.market["S00"].keys().collect();
        let mut builder = PanelBuilder::new(fields.iter().copied());
        for (instrument, columns) in &self.market {
            for (bar, time) in self.times().enumerate() {
                let values: Vec<f64> =
                    fields.iter().map(|&f| columns[f][bar].unwrap_or(f64::NAN)).collect();
                builder.push(PanelRow { instrument, time, values: &values }).unwrap();
            }
        }
        builder.build().unwrap()
    }

    /// Untied scores differ by at least `step`.
    fn signal(&self, panel: &Panel, step: f64) -> Signal {
        let rows = self.scores.iter().enumerate().flat_map(|(place, (instrument, scores))| {
            let scores = self.times().zip(scores);
            scores.filter_map(move |(time, score)| {
                let score = (*score)? + place as f64 * step;
                Some(Score { instrument, time, score })
            })
        });
        Signal::from_rows(panel, rows).unwrap()
    }

    fn config(&self, name: &str) -> QlibConfig {
        let (account, exchange, strategy) = variant(name);
        let mut document = json!({
            "period": { "start": self.start, "end": self.end },
            "capital": account,
            "exchange": exchange,
            "strategy": { "topk": 8, "n_drop": 3 },
            "benchmark": ["S00", "S01"],
        });
        for (key, value) in strategy.as_object().unwrap() {
            document["strategy"][key] = value.clone();
        }
        serde_json::from_value(document).unwrap()
    }
}

/// Account, exchange and strategy of a variant, as far as they are not the default.
fn variant(name: &str) -> (f64, Value, Value) {
    let none = || json!({});
    match name {
        "plain" => (1e7, none(), none()),
        "only_tradable" => (1e7, none(), json!({ "only_tradable": true })),
        "hold_thresh" => (1e7, none(), json!({ "hold_thresh": 4 })),
        "trade_at_limit" => (1e7, none(), json!({ "forbid_all_trade_at_limit": false })),
        "risk_degree" => (1e7, none(), json!({ "risk_degree": 0.5 })),
        "spends_all" => (1e7, none(), json!({ "risk_degree": 1.0 })),
        "fractions" => (1e7, json!({ "trade_unit": null }), none()),
        "single_shares" => (1e5, json!({ "trade_unit": 1 }), none()),
        "poor" => (3e4, json!({ "min_cost": 30 }), none()),
        "open_to_vwap" => (1e7, json!({ "buy_price": "open", "sell_price": "vwap" }), none()),
        "impact" => (1e7, json!({ "impact_cost": 0.1 }), none()),
        "volume_all" => (
            1e7,
            json!({ "volume_limits": [{ "side": "all", "kind": "cum", "limit": "0.02*$volume" }] }),
            none(),
        ),
        "volume_sides" => (
            1e7,
            json!({ "volume_limits": [
                { "side": "buy", "kind": "current", "limit": "0.05*$volume" },
                { "side": "sell", "kind": "cum", "limit": "0.01*$volume" },
            ] }),
            none(),
        ),
        "no_limit" => (1e7, json!({ "price_limit": "none" }), none()),
        "limit_expressions" => {
            let limit = PriceLimit::Expressions {
                buy: "Gt($change, 0.05)".to_owned(),
                sell: "Lt($change, -0.05)".to_owned(),
            };
            (1e7, json!({ "price_limit": limit }), none())
        }
        "wide" => (1e7, none(), json!({ "topk": 20, "n_drop": 8 })),
        "one" => (1e6, none(), json!({ "topk": 1, "n_drop": 1 })),
        "more_dropped_than_held" => (1e7, none(), json!({ "topk": 3, "n_drop": 6 })),
        other => panic!("{other} is not known here"),
    }
}

fn run(reference: &Reference, name: &str) -> (QlibMarket, QlibResult) {
    let (panel, config) = (reference.panel(), reference.config(name));
    // Holding n_drop more than topk, Qlib leaves equal scores to the order of a Python set.
    let step = if name.starts_with("volume") { 1e-6 } else { 0.0 };
    let signal = reference.signal(&panel, step);
    let market = QlibMarket::prepare(&panel, &config.exchange, config.period).unwrap();
    let result = run_qlib(&market, &signal, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    (market, result)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * b.abs() + 1e-9
}

#[test]
fn every_option_does_what_it_does_in_qlib() {
    let reference = reference();
    assert_eq!(reference.runs.len(), 18);
    let mut wrong = vec![];
    for (name, theirs) in &reference.runs {
        let (market, result) = run(&reference, name);
        assert_eq!(result.days.len(), theirs.account.len(), "{name}");
        let fits = |step: usize| {
            let day = &result.days[step];
            let amounts: BTreeMap<&str, f64> = result
                .positions(step)
                .iter()
                .map(|held| (&*market.instruments()[held.instrument as usize], held.amount))
                .collect();
            close(day.account, theirs.account[step])
                && close(day.cash, theirs.cash[step])
                && close(day.total_cost, theirs.total_cost[step])
                && close(day.total_turnover, theirs.total_turnover[step])
                && close(day.bench.unwrap(), theirs.bench[step])
                && amounts.len() == theirs.amounts[step].len()
                && amounts.iter().all(|(&held, &amount)| {
                    theirs.amounts[step].get(held).is_some_and(|&theirs| close(amount, theirs))
                })
        };
        if let Some(step) = (0..result.days.len()).find(|&step| !fits(step)) {
            wrong.push(format!("{name} from step {step}: {:?}", result.days[step]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn both_ways_of_accumulating_are_those_of_qlib() {
    let reference = reference();
    let theirs = &reference.runs["plain"].risk;
    let (_, result) = run(&reference, "plain");
    let returns: Vec<f64> = result.days.iter().map(|day| day.return_rate).collect();
    for (mode, how) in [("sum", Accumulation::Sum), ("product", Accumulation::Product)] {
        let ours = risk_analysis(&returns, QLIB_DAYS_PER_YEAR, how);
        let ours = serde_json::to_value(ours).unwrap();
        for (name, &theirs) in &theirs[mode] {
            let ours = ours[name].as_f64().unwrap();
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{mode} {name}: {ours} {theirs}");
        }
    }
}

#[test]
fn drawing_keeps_to_the_seed_and_to_the_numbers() {
    let reference = reference();
    let (panel, mut config) = (reference.panel(), reference.config("plain"));
    let signal = reference.signal(&panel, 0.0);
    let market = QlibMarket::prepare(&panel, &config.exchange, config.period).unwrap();
    let mut run = |seed| {
        config.strategy = serde_json::from_value(json!({
            "topk": 8, "n_drop": 3, "method_sell": "random", "method_buy": "random", "seed": seed,
        }))
        .unwrap();
        run_qlib(&market, &signal, &config, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert_eq!(first, again);
    assert_ne!(first.orders, other.orders);
    assert!((0..first.days.len()).all(|step| first.positions(step).len() <= 8 + 3));
}

#[test]
fn the_account_balances_every_day() {
    let reference = reference();
    for name in reference.runs.keys() {
        let (_, result) = run(&reference, name);
        let mut cash = reference.config(name).capital;
        let mut orders = result.orders.iter().peekable();
        for (step, day) in result.days.iter().enumerate() {
            while let Some(order) = orders.next_if(|order| order.step == step) {
                cash -= order.side.sign() * order.value + order.cost;
            }
            let value: f64 =
                result.positions(step).iter().map(|held| held.amount * held.price).sum();
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * day.account;
            assert!(near(day.cash, cash) && near(day.value, value), "{name} {step}");
            assert!(near(day.account, cash + value), "{name} {step}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let reference = reference();
    let panel = reference.panel();
    let signal = reference.signal(&panel, 0.0);
    let code = |panel: &Panel, change: fn(&mut QlibConfig)| {
        let mut config = reference.config("plain");
        change(&mut config);
        QlibMarket::prepare(panel, &config.exchange, config.period)
            .and_then(|market| {
                run_qlib(&market, &signal, &config, &mut |_| ControlFlow::Continue(()))
            })
            .unwrap_err()
            .code()
    };
    assert_eq!(code(&panel, |config| config.capital = 0.0), "out_of_range");
    assert_eq!(code(&panel, |config| config.strategy.n_drop = 0), "out_of_range");
    assert_eq!(code(&panel, |config| config.strategy.risk_degree = 1.5), "out_of_range");
    assert_eq!(code(&panel, |config| config.exchange.open_cost = 1.0), "out_of_range");
    assert_eq!(code(&panel, |config| config.exchange.buy_price = "mid".into()), "missing_field");
    assert_eq!(code(&panel, |config| config.benchmark = vec!["X".into()]), "unknown_instrument");
    let late = |config: &mut QlibConfig| config.period.end = NaiveDate::MAX;
    assert_eq!(code(&panel, late), "period_outside_data");
    let unchanged = panel.clone().without_field("change");
    assert_eq!(code(&unchanged, |_| ()), "missing_field");
    let document = json!({ "period": { "start": "2020-01-01", "end": "2020-01-02" }, "topk": 3 });
    assert!(serde_json::from_value::<QlibConfig>(document).is_err());
}
