//! The top-k dropout backtest against pyqlib 0.9.7: report, positions, indicators and risk.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use alphafleet_backtest::qlib::{
    QlibConfig, QlibDay, QlibMarket, QlibResult, QlibRisk, RiskAnalysis, run_qlib,
};
use alphafleet_backtest::{Score, Signal};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const TOLERANCE: f64 = 1e-6;
const FIELDS: [&str; 8] = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"];

/// The folder of references, or `None` where the machine has none; continuous integration must.
fn golden() -> Option<PathBuf> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/qlib_backtest");
    let path = PathBuf::from(path);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").is_err(), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

/// A file's columns, floats as doubles with NaN for null.
struct Table {
    batch: RecordBatch,
}

impl Table {
    fn read(file: &Path) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
        Self { batch: arrow::compute::concat_batches(&schema, &batches).unwrap() }
    }

    fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    fn floats(&self, name: &str) -> Vec<f64> {
        let column = self.batch.column_by_name(name).unwrap_or_else(|| panic!("{name} is missing"));
        let column = cast(column, &DataType::Float64).unwrap();
        let column = column.as_primitive::<Float64Type>();
        let value = |row: usize| if column.is_null(row) { f64::NAN } else { column.value(row) };
        (0..column.len()).map(value).collect()
    }

    fn times(&self, name: &str) -> Vec<NaiveDateTime> {
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let times = cast(self.batch.column_by_name(name).unwrap(), &nanos).unwrap();
        let times = times.as_primitive::<TimestampNanosecondType>();
        times.values().iter().map(|&t| DateTime::from_timestamp_nanos(t).naive_utc()).collect()
    }

    fn names(&self) -> Vec<String> {
        let names = cast(self.batch.column_by_name("instrument").unwrap(), &DataType::Utf8);
        let names = names.unwrap();
        let names = names.as_string::<i32>();
        (0..names.len()).map(|row| names.value(row).to_owned()).collect()
    }
}

fn panel(folder: &Path) -> Panel {
    let table = Table::read(&folder.join("ohlcv_test.parquet"));
    let columns = FIELDS.map(|field| table.floats(field));
    let mut builder = PanelBuilder::new(FIELDS);
    for (row, (instrument, time)) in table.names().iter().zip(table.times("datetime")).enumerate() {
        let values = columns.each_ref().map(|column| column[row]);
        builder.push(PanelRow { instrument, time, values: &values }).unwrap();
    }
    builder.build().unwrap()
}

fn signal(folder: &Path, panel: &Panel) -> Signal {
    let table = Table::read(&folder.join("pred.parquet"));
    let (names, times, scores) = (table.names(), table.times("datetime"), table.floats("score"));
    let rows = names.iter().zip(times).zip(scores);
    let rows = rows.map(|((instrument, time), score)| Score { instrument, time, score });
    Signal::from_rows(panel, rows).unwrap()
}

fn config() -> QlibConfig {
    serde_json::from_str(
        r#"{
            "period": { "start": "2018-04-16", "end": "2020-07-30" },
            "capital": 1e8,
            "exchange": {
                "buy_price": "close", "sell_price": "close",
                "open_cost": 0.0005, "close_cost": 0.0015, "min_cost": 5,
                "price_limit": { "threshold": 0.095 }
            },
            "strategy": { "topk": 50, "n_drop": 5 },
            "benchmark": ["SH000300"]
        }"#,
    )
    .unwrap()
}

struct Golden {
    folder: PathBuf,
    market: QlibMarket,
    result: QlibResult,
}

fn run() -> Option<Golden> {
    let folder = golden()?;
    let panel = panel(&folder);
    let (config, signal) = (config(), signal(&folder, &panel));
    let market = QlibMarket::prepare(&panel, &config.exchange, config.period).unwrap();
    let result = run_qlib(&market, &signal, &config, &mut |_| ControlFlow::Continue(())).unwrap();
    Some(Golden { folder, market, result })
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours.is_nan() && theirs.is_nan())
        || (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1e-9)
}

/// Compares a figure of every day; what is next to zero beside the account may differ by its
/// rounding.
fn compare(name: &str, days: &[NaiveDateTime], ours: &[f64], theirs: &[f64], rounding: f64) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for ((day, &a), &b) in days.iter().zip(ours).zip(theirs) {
        assert!(close(a, b) || (a - b).abs() <= rounding, "{name} of {day}: {a} is not {b}");
    }
}

#[test]
fn every_day_of_the_report_is_that_of_qlib() {
    let Some(Golden { folder, market, result }) = run() else { return };
    let report = Table::read(&folder.join("report_normal.parquet"));
    assert_eq!(report.times("datetime"), market.calendar());
    type Column = fn(&QlibDay) -> f64;
    // One unit in the last place of the account, as money and as a rate.
    let columns: [(&str, Column, f64); 9] = [
        ("account", |day| day.account, 0.0),
        ("return", |day| day.return_rate, 1e-15),
        ("total_turnover", |day| day.total_turnover, 0.0),
        ("turnover", |day| day.turnover, 0.0),
        ("total_cost", |day| day.total_cost, 0.0),
        ("cost", |day| day.cost, 0.0),
        ("value", |day| day.value, 0.0),
        ("cash", |day| day.cash, 1e-7),
        ("bench", |day| day.bench.unwrap(), 0.0),
    ];
    for (name, column, rounding) in columns {
        let ours: Vec<f64> = result.days.iter().map(column).collect();
        compare(name, market.calendar(), &ours, &report.floats(name), rounding);
    }
}

#[test]
fn every_holding_is_that_of_qlib() {
    let Some(Golden { folder, market, result }) = run() else { return };
    let table = Table::read(&folder.join("positions.parquet"));
    let columns = ["amount", "price", "weight", "count_day"].map(|name| table.floats(name));
    let mut theirs = BTreeMap::<(NaiveDateTime, String), [f64; 4]>::new();
    let mut accounts = BTreeMap::new();
    for (row, (time, name)) in table.times("datetime").into_iter().zip(table.names()).enumerate() {
        let values = columns.each_ref().map(|column| column[row]);
        match name.as_str() {
            "_cash" | "_now_account_value" => {
                accounts.insert((time, name), values[0]);
            }
            _ => {
                theirs.insert((time, name), values);
            }
        }
    }
    let mut ours = BTreeMap::new();
    for (step, day) in result.days.iter().enumerate() {
        assert!(close(day.cash, accounts[&(day.time, "_cash".to_owned())]));
        assert!(close(day.account, accounts[&(day.time, "_now_account_value".to_owned())]));
        for held in result.positions(step) {
            let name = market.instruments()[held.instrument as usize].clone();
            let values = [held.amount, held.price, held.weight, held.count as f64];
            ours.insert((day.time, name), values);
        }
    }
    assert!(theirs.len() > 29_000);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (key, ours) in &ours {
        let theirs = &theirs[key];
        assert!(
            ours.iter().zip(theirs).all(|(&a, &b)| close(a, b)),
            "{key:?}: {ours:?} {theirs:?}"
        );
    }
}

#[test]
fn every_indicator_is_that_of_qlib() {
    let Some(Golden { folder, market, result }) = run() else { return };
    let table = Table::read(&folder.join("indicators_normal.parquet"));
    assert_eq!(table.rows(), result.indicators.len());
    let rows = &result.indicators;
    let nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let columns = [
        ("ffr", rows.iter().map(|row| nan(row.ffr)).collect::<Vec<_>>()),
        ("pa", rows.iter().map(|row| nan(row.pa)).collect()),
        ("pos", rows.iter().map(|row| nan(row.pos)).collect()),
        ("deal_amount", rows.iter().map(|row| row.deal_amount).collect()),
        ("value", rows.iter().map(|row| row.value).collect()),
        ("count", rows.iter().map(|row| row.count as f64).collect()),
    ];
    for (name, ours) in columns {
        compare(name, market.calendar(), &ours, &table.floats(name), 0.0);
    }
}

#[test]
fn every_risk_figure_is_that_of_qlib() {
    let Some(Golden { folder, result, .. }) = run() else { return };
    let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    let risk = QlibRisk::of(&result.days);
    let groups = [
        ("strategy_return", Some(risk.strategy_return)),
        ("bench", risk.bench),
        ("excess_return_without_cost", risk.excess_return_without_cost),
        ("excess_return_with_cost", risk.excess_return_with_cost),
    ];
    let mut compared = 0;
    for (group, analysis) in groups {
        let RiskAnalysis { mean, std, annualized_return, information_ratio, max_drawdown } =
            analysis.unwrap();
        let figures = [
            ("mean", mean),
            ("std", std),
            ("annualized_return", annualized_return),
            ("information_ratio", information_ratio),
            ("max_drawdown", max_drawdown),
        ];
        for (name, ours) in figures {
            let theirs = meta["risk"][format!("{group}.{name}")].as_f64().unwrap();
            // Qlib's benchmark figures are summed in single precision.
            let tolerance = if group == "bench" { 1e-5 } else { TOLERANCE };
            let ours = ours.unwrap();
            assert!((ours / theirs - 1.0).abs() <= tolerance, "{group}.{name}: {ours} {theirs}");
            compared += 1;
        }
    }
    assert_eq!(compared, 20);
    let days = result.days.len() as f64;
    let cost: f64 = result.days.iter().map(|day| day.cost).sum();
    let turnover: f64 = result.days.iter().map(|day| day.turnover).sum::<f64>() / days;
    assert!(close(cost, meta["cum_cost"].as_f64().unwrap()), "{cost}");
    assert!(close(turnover, meta["turnover"].as_f64().unwrap()), "{turnover}");
}
