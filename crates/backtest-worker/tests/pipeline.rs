//! Every template from a plan to its files, on a small synthetic market.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;
use std::sync::Arc;

use alphafleet_backtest::Signal;
use alphafleet_backtest::plan::{Plan, plan_templates};
use alphafleet_backtest_worker::BacktestRunError;
use alphafleet_market::{Adjustment, Panel, SyntheticMarket, adjust, planted_signal};
use chrono::NaiveDateTime;
use serde_json::{Value, json};
use support::{Record, Table, backtest, complete, draft, json as read_json};

fn market() -> Arc<Panel> {
    let market = SyntheticMarket { instruments: 30, bars: 420, signal: 0.2, ..Default::default() };
    let (panel, _) = adjust(market.generate().unwrap(), Adjustment::Backward).unwrap();
    Arc::new(panel)
}

fn signal(panel: &Panel) -> Signal {
    Signal::from_column(panel, &planted_signal(panel)).unwrap()
}

/// A template with what the small market needs: fewer instruments, named pairs, a benchmark.
fn plan(name: &str, panel: &Panel, signal: Option<&Signal>) -> Plan {
    let names = panel.instruments();
    let draft = draft(name, |plan| {
        match name {
            "topk_dropout" => plan["benchmark"] = json!([names[0]]),
            _ => plan["benchmark"] = json!(names[0]),
        }
        let strategy = &mut plan["strategy"];
        if strategy.get("topk").is_some() {
            strategy["topk"] = json!(8);
        }
        if strategy.get("n_drop").is_some() {
            strategy["n_drop"] = json!(2);
        }
        if name == "pairs" {
            (strategy["first"], strategy["second"]) = (json!(names[1]), json!(names[2]));
        }
    });
    complete(draft, panel, signal)
}

fn finite(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        Value::Array(items) => items.iter().all(finite),
        Value::Object(fields) => fields.values().all(finite),
        _ => true,
    }
}

#[test]
fn every_template_leaves_its_files_and_they_agree() {
    let panel = market();
    let signal = signal(&panel);
    for template in plan_templates() {
        let given = template.needs_signal.then_some(&signal);
        let plan = plan(template.name, &panel, given);
        let scratch = tempfile::tempdir().unwrap();
        let record = Record::default();
        let finished = backtest(&plan, &panel, given, scratch.path(), &record)
            .unwrap_or_else(|error| panic!("{}: {error}", template.name));
        for file in &finished.files {
            let bytes = std::fs::metadata(&file.path).unwrap().len();
            assert!(bytes > 300, "{} {}", template.name, file.name);
        }
        let stages: Vec<_> = record.stages.take().into_iter().map(|stage| stage.0).collect();
        assert_eq!(stages, ["preparing", "simulating", "evaluating", "completed"]);
        let metrics = read_json(scratch.path(), "metrics.json");
        assert!(finite(&metrics) && finite(&finished.summary));
        assert!(metrics["fills"].as_f64().unwrap() > 0.0, "{} deals nothing", template.name);
        assert!(metrics["capacity"].as_f64().unwrap() > 0.0);
        agree(template.name, scratch.path(), &record, &metrics);
        let html = std::fs::read_to_string(scratch.path().join("report.html")).unwrap();
        assert!(html.contains("Maximum drawdown") && !html.contains("NaN"), "{}", template.name);
    }
}

/// Tables, live curve and figures tell the same.
fn agree(name: &str, scratch: &Path, record: &Record, metrics: &Value) {
    let report = Table::read(&scratch.join("report.parquet"));
    let equity = match name {
        "topk_dropout" => report.floats("account"),
        _ => report.floats("equity"),
    };
    let points = record.points.borrow();
    assert_eq!(points.len(), equity.len());
    let (cash, value) = (report.floats("cash"), report.floats("value"));
    for (bar, point) in points.iter().enumerate() {
        assert!((cash[bar] + value[bar] - equity[bar]).abs() <= 1e-9 * equity[bar], "{name}");
        assert_eq!(point.equity, equity[bar], "{name}");
    }
    let number = |figure: &str| metrics[figure].as_f64().expect(figure);
    let last = *equity.last().unwrap();
    assert_eq!(number("final_equity"), last);
    let returns: f64 = points.iter().map(|point| 1.0 + point.return_rate).product();
    assert!((returns - 1.0 - number("total_return")).abs() < 1e-9, "{name}");
    let totals: f64 =
        Table::read(&scratch.join("contributions.parquet")).floats("total").iter().sum();
    let interest = metrics["interest"].as_f64().unwrap_or(0.0);
    let gain = number("gain");
    assert!((totals + interest - gain).abs() < 1e-6 * last, "{name}: {totals} {gain}");
    if name == "topk_dropout" {
        assert!(number("trades") > 100.0);
        return;
    }
    let fills = Table::read(&scratch.join("fills.parquet"));
    let costs: f64 =
        ["commission", "tax"].map(|c| fills.floats(c).iter().sum::<f64>()).iter().sum();
    assert!((costs - number("costs")).abs() < 1e-6 * last, "{name}: {costs}");
    let positions = Table::read(&scratch.join("positions.parquet"));
    let of_day = |day| -> f64 {
        let rows = positions.times("datetime").into_iter().zip(positions.floats("value"));
        rows.filter(|(time, _)| *time == day).map(|(_, value)| value).sum()
    };
    for bar in [equity.len() / 2, equity.len() - 1] {
        assert!((of_day(points[bar].time) - value[bar]).abs() < 1e-6 * last, "{name}");
    }
    let trades = Table::read(&scratch.join("trades.parquet"));
    assert_eq!(trades.rows() as f64, number("trades"), "{name}");
}

#[test]
fn a_run_stops_when_asked_and_leaves_no_report() {
    let panel = market();
    let plan = plan("equal_weight", &panel, None);
    let scratch = tempfile::tempdir().unwrap();
    let record = Record { stop_after: Some(5), ..Record::default() };
    let stopped = backtest(&plan, &panel, None, scratch.path(), &record).unwrap_err();
    assert!(matches!(stopped, BacktestRunError::Stopped));
    assert_eq!(record.points.borrow().len(), 5);
    assert!(!scratch.path().join("metrics.json").exists());
}

#[test]
fn equal_runs_leave_equal_tables() {
    let panel = market();
    let plan = plan("risk_parity", &panel, None);
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in &folders {
        backtest(&plan, &panel, None, folder.path(), &Record::default()).unwrap();
    }
    for name in ["report.parquet", "positions.parquet", "fills.parquet", "metrics.json"] {
        let [a, b] = [0, 1].map(|at: usize| std::fs::read(folders[at].path().join(name)).unwrap());
        assert!(a == b, "{name}");
    }
}

#[test]
fn an_index_is_a_benchmark_and_never_bought() {
    let market = market();
    let fields: Vec<&str> = market.field_names().collect();
    let mut builder = alphafleet_market::PanelBuilder::new(fields.iter().copied());
    for (at, name) in market.instruments().iter().enumerate() {
        let name = if at == 0 { "SH000300" } else { name.as_str() };
        for (bar, time) in market.calendar().iter().enumerate() {
            if market.has_bar(at, bar) {
                let values: Vec<f64> =
                    fields.iter().map(|field| market.series(field, at).unwrap()[bar]).collect();
                let row =
                    alphafleet_market::PanelRow { instrument: name, time: *time, values: &values };
                builder.push(row).unwrap();
            }
        }
    }
    let panel = Arc::new(builder.build().unwrap());
    for name in ["equal_weight", "mean_reversion", "ma_cross"] {
        let draft = draft(name, |plan| plan["benchmark"] = json!("SH000300"));
        let plan = complete(draft, &panel, None);
        let scratch = tempfile::tempdir().unwrap();
        let record = Record::default();
        backtest(&plan, &panel, None, scratch.path(), &record).unwrap();
        assert!(record.messages.borrow().iter().any(|said| said.contains("SH000300")));
        let orders = Table::read(&scratch.path().join("orders.parquet"));
        assert!(orders.rows() > 0);
        assert!(!orders.texts("instrument").contains(&"SH000300".to_owned()), "{name}");
        let bench = Table::read(&scratch.path().join("report.parquet")).floats("bench");
        assert!(bench.iter().any(|change| change.abs() > 1e-3), "{name}");
    }
}

#[test]
fn refusals_say_what_to_do() {
    let panel = market();
    let scratch = tempfile::tempdir().unwrap();
    let run = |plan: &Plan, signal: Option<&Signal>| {
        let error = backtest(plan, &panel, signal, scratch.path(), &Record::default()).unwrap_err();
        (error.code(), error.explain(), error.retryable())
    };
    let signal = signal(&panel);
    let (code, told, again) = run(&plan("topk_dropout", &panel, Some(&signal)), None);
    assert_eq!((code, again), ("incomplete", false));
    assert!(told.contains("predictions or a file of signals"), "{told}");
    let outside = draft("equal_weight", |plan| {
        plan["period"] = json!({ "start": "1990-01-01", "end": "1990-12-31" });
    });
    let (code, told, _) = run(&complete(outside, &panel, None), None);
    assert_eq!(code, "period_outside_data");
    assert!(told.contains("2016-01-04"), "{told}");
    let unknown = draft("equal_weight", |plan| plan["benchmark"] = json!("NOBODY"));
    let (code, told, _) = run(&complete(unknown, &panel, None), None);
    assert_eq!(code, "unknown_instrument");
    assert!(told.contains("NOBODY") && told.contains("benchmark"), "{told}");
}

/// The market with `$close` and all else missing for the first instrument before bar `until`.
fn late(panel: &Panel, until: usize) -> Arc<Panel> {
    let fields: Vec<&str> = panel.field_names().collect();
    let mut builder = alphafleet_market::PanelBuilder::new(fields.iter().copied());
    for (at, instrument) in panel.instruments().iter().enumerate() {
        for (bar, time) in panel.calendar().iter().enumerate() {
            if panel.has_bar(at, bar) && (at > 0 || bar >= until) {
                let values: Vec<f64> =
                    fields.iter().map(|field| panel.series(field, at).unwrap()[bar]).collect();
                let row = alphafleet_market::PanelRow { instrument, time: *time, values: &values };
                builder.push(row).unwrap();
            }
        }
    }
    Arc::new(builder.build().unwrap())
}

#[test]
fn a_benchmark_without_bars_is_warned_of() {
    let market = market();
    let absent = late(&market, 70);
    for name in ["topk_dropout", "equal_weight"] {
        let found = |panel: &Arc<Panel>| {
            let signal = (name == "topk_dropout").then(|| signal(panel));
            let plan = plan(name, panel, signal.as_ref());
            let scratch = tempfile::tempdir().unwrap();
            let record = Record::default();
            backtest(&plan, panel, signal.as_ref(), scratch.path(), &record).unwrap();
            let report = read_json(scratch.path(), "report.json");
            let bars: Vec<NaiveDateTime> = report["curve"]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| serde_json::from_value(point["datetime"].clone()).unwrap())
                .collect();
            let findings = report["findings"].as_array().unwrap().clone();
            let found = findings.into_iter().find(|found| found["code"] == "benchmark_gaps");
            let said = record.messages.borrow().iter().any(|said| said.contains("benchmark"));
            assert_eq!(said, found.is_some(), "{name}");
            (found, bars)
        };
        let whole = late(&market, 0);
        let closes = whole.series("close", 0).unwrap();
        if closes.iter().all(|close| close.is_finite()) {
            assert_eq!(found(&whole).0, None, "{name}");
        }
        let (gaps, bars) = found(&absent);
        let gaps = gaps.unwrap_or_else(|| panic!("{name}"));
        assert_eq!(gaps["severity"], "warning");
        let message = gaps["message"].as_str().unwrap();
        let first = absent.calendar()[70].date().to_string();
        assert!(
            message.contains(&absent.instruments()[0]) && message.contains(&first),
            "{message}"
        );
        let closes = absent.series("close", 0).unwrap();
        let priced = |time: &NaiveDateTime| {
            let bar = absent.calendar().binary_search(time).unwrap();
            closes[bar].is_finite()
        };
        let (missing, all) = (bars.iter().filter(|time| !priced(time)).count(), bars.len());
        assert!(message.contains(&format!("{missing} of the {all} bars")), "{name}: {message}");
    }
}

/// The market's bars as four bars a day.
fn intraday(panel: &Panel) -> Arc<Panel> {
    let fields: Vec<&str> = panel.field_names().collect();
    let mut builder = alphafleet_market::PanelBuilder::new(fields.iter().copied());
    for (at, instrument) in panel.instruments().iter().enumerate() {
        for bar in 0..panel.calendar().len() {
            let day = panel.calendar()[bar / 4].date();
            let time = day.and_hms_opt(10 + (bar % 4) as u32, 0, 0).unwrap();
            if panel.has_bar(at, bar) {
                let values: Vec<f64> =
                    fields.iter().map(|field| panel.series(field, at).unwrap()[bar]).collect();
                let row = alphafleet_market::PanelRow { instrument, time, values: &values };
                builder.push(row).unwrap();
            }
        }
    }
    Arc::new(builder.build().unwrap())
}

#[test]
fn annual_figures_count_the_bars_of_a_year() {
    let daily = market();
    let hourly = intraday(&daily);
    for (name, days) in [("topk_dropout", 238.0), ("equal_weight", 252.0), ("ma_cross", 252.0)] {
        let metrics = |panel: &Arc<Panel>| {
            let signal = (name == "topk_dropout").then(|| signal(panel));
            let plan = plan(name, panel, signal.as_ref());
            let scratch = tempfile::tempdir().unwrap();
            backtest(&plan, panel, signal.as_ref(), scratch.path(), &Record::default()).unwrap();
            let report = read_json(scratch.path(), "report.json");
            (read_json(scratch.path(), "metrics.json"), report)
        };
        let ((of_days, plain), (of_bars, report)) = (metrics(&daily), metrics(&hourly));
        assert_eq!(of_days["bars_per_year"], days);
        assert_eq!(of_bars["bars_per_year"], 4.0 * days);
        let code = |report: &Value| {
            let findings = report["findings"].as_array().unwrap().clone();
            findings.iter().filter(|found| found["code"] == "intraday_bars").count()
        };
        assert_eq!((code(&plain), code(&report)), (0, 1), "{name}");
        let words = format!("{days} days of 4 bars");
        for (figure, convention) in of_bars["conventions"].as_object().unwrap() {
            let before = of_days["conventions"][figure].as_str().unwrap();
            let convention = convention.as_str().unwrap();
            let annual = before.contains("bars a year")
                || ["calmar", "benchmark_annual_return", "benchmark_sharpe"]
                    .contains(&figure.as_str());
            assert_eq!(convention.contains(&words), annual, "{name} {figure}: {convention}");
            assert!(convention.starts_with(before), "{name} {figure}");
        }
        let number = |figure: &str| of_bars[figure].as_f64().expect(figure);
        let curve = report["curve"].as_array().unwrap();
        let equity: Vec<f64> = curve.iter().map(|bar| bar["equity"].as_f64().unwrap()).collect();
        let total = equity[equity.len() - 1] / report["capital"].as_f64().unwrap();
        let annual = total.powf(4.0 * days / equity.len() as f64) - 1.0;
        assert!((annual / number("annual_return") - 1.0).abs() < 1e-9, "{name}");
        let (mean, annual) = ("strategy_return.mean", "strategy_return.annualized_return");
        assert!((number(mean) * 4.0 * days - number(annual)).abs() < 1e-12, "{name}");
        let turnover = number("mean_turnover") * 4.0 * days;
        assert!((turnover / number("annual_turnover") - 1.0).abs() < 1e-12, "{name}");
        let window = report["rolling"]["window"].as_f64().unwrap();
        assert_eq!(window, 2.0 * days, "half a year");
        let rows = report["rolling"]["rows"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["time"].as_str().unwrap().contains("T13:00")), "{name}");
    }
}

#[test]
fn a_run_that_loses_every_trade_has_a_profit_factor_of_zero() {
    let mut builder =
        alphafleet_market::PanelBuilder::new(["open", "high", "low", "close", "volume"]);
    for bar in 0..40_u32 {
        let time = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap()
            + chrono::Days::new(u64::from(bar));
        let price = 100.0 - f64::from(bar);
        let volume = if bar % 4 < 2 { 2e6 } else { 1e6 };
        let values = [price, price, price, price, volume];
        let time = time.and_hms_opt(0, 0, 0).unwrap();
        let row = alphafleet_market::PanelRow { instrument: "A", time, values: &values };
        builder.push(row).unwrap();
    }
    let panel = Arc::new(builder.build().unwrap());
    let draft = draft("rules", |plan| {
        plan["strategy"]["entry"] = json!("Gt($volume, 1500000)");
        plan["strategy"]["exit"] = json!("Lt($volume, 1500000)");
    });
    let scratch = tempfile::tempdir().unwrap();
    let plan = complete(draft, &panel, None);
    backtest(&plan, &panel, None, scratch.path(), &Record::default()).unwrap();
    let text = std::fs::read_to_string(scratch.path().join("metrics.json")).unwrap();
    let metrics: Value = serde_json::from_str(&text).unwrap();
    assert!(metrics["trades"].as_f64().unwrap() > 2.0);
    let factor = metrics["profit_factor"].as_f64().unwrap();
    assert!(factor == 0.0 && factor.is_sign_positive(), "{factor}");
    for (name, value) in metrics.as_object().unwrap() {
        let value = value.as_f64().unwrap_or_default();
        assert!(value != 0.0 || value.is_sign_positive(), "{name} is −0");
    }
}
