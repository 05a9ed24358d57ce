//! The template of Qlib's top-k dropout, from files to files, against pyqlib 0.9.7.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_backtest_worker::align_signal;
use alphafleet_datasets::{ImportOptions, PriceBasis, import_files, read_signals};
use chrono::NaiveDateTime;
use serde_json::json;
use support::{Record, Table, backtest, complete, draft, json as read_json};

const TOLERANCE: f64 = 1e-6;

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

fn close(ours: f64, theirs: f64) -> bool {
    (ours.is_nan() && theirs.is_nan())
        || (ours - theirs).abs() <= TOLERANCE * theirs.abs().max(1e-9)
}

type Positions = BTreeMap<(NaiveDateTime, String), [f64; 4]>;

fn positions(table: &Table) -> Positions {
    let columns = ["amount", "price", "weight", "count_day"].map(|name| table.floats(name));
    let keys = table.times("datetime").into_iter().zip(table.texts("instrument"));
    keys.enumerate().map(|(row, key)| (key, columns.each_ref().map(|column| column[row]))).collect()
}

#[test]
fn the_template_reproduces_qlib() {
    let Some(folder) = golden() else { return };
    let options = ImportOptions { price_basis: Some(PriceBasis::Raw), ..ImportOptions::default() };
    let import = import_files(&[folder.join("ohlcv_test.parquet")], &options).unwrap();
    let panel = Arc::new(import.panel);
    let scores = read_signals(&folder.join("pred.parquet")).unwrap();
    let aligned = align_signal(&panel, &scores.rows).unwrap();
    let draft = draft("topk_dropout", |plan| plan["benchmark"] = json!(["SH000300"]));
    let plan = complete(draft, &panel, Some(&aligned.signal));
    assert_eq!(plan.period().start.to_string(), "2018-04-16", "the days of the scores");
    let scratch = tempfile::tempdir().unwrap();
    let record = Record::default();
    backtest(&plan, &panel, Some(&aligned.signal), scratch.path(), &record).unwrap();
    assert_eq!(record.points.borrow().len(), 599);

    let ours = Table::read(&scratch.path().join("report.parquet"));
    let theirs = Table::read(&folder.join("report_normal.parquet"));
    assert_eq!(ours.names(), theirs.names());
    assert_eq!(ours.times("datetime"), theirs.times("datetime"));
    for name in &ours.names()[1..] {
        // One unit in the last place of the account is next to a small return or little cash.
        let rounding = match name.as_str() {
            "return" => 1e-15,
            "cash" => 1e-7,
            _ => 0.0,
        };
        for (a, b) in ours.floats(name).into_iter().zip(theirs.floats(name)) {
            assert!(close(a, b) || (a - b).abs() <= rounding, "{name}: {a} is not {b}");
        }
    }

    let ours = Table::read(&scratch.path().join("positions.parquet"));
    let theirs = Table::read(&folder.join("positions.parquet"));
    assert_eq!(ours.names(), theirs.names());
    let (ours, theirs) = (positions(&ours), positions(&theirs));
    assert!(theirs.len() > 29_000);
    assert!(ours.keys().eq(theirs.keys()), "the holdings differ");
    for (key, ours) in &ours {
        let same = ours.iter().zip(&theirs[key]).all(|(&a, &b)| close(a, b));
        assert!(same, "{key:?}: {ours:?} {:?}", theirs[key]);
    }

    let ours = Table::read(&scratch.path().join("indicators.parquet"));
    let theirs = Table::read(&folder.join("indicators_normal.parquet"));
    for name in &ours.names()[1..] {
        let pairs = ours.floats(name).into_iter().zip(theirs.floats(name));
        pairs.for_each(|(a, b)| assert!(close(a, b), "{name}: {a} is not {b}"));
    }

    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
    let metrics = read_json(scratch.path(), "metrics.json");
    let risk = meta["risk"].as_object().unwrap();
    assert_eq!(risk.len(), 20);
    for (name, theirs) in risk {
        let (ours, theirs) = (metrics[name].as_f64().expect(name), theirs.as_f64().unwrap());
        // Qlib's benchmark figures are summed in single precision.
        let tolerance = if name.starts_with("bench.") { 1e-5 } else { TOLERANCE };
        assert!((ours / theirs - 1.0).abs() <= tolerance, "{name}: {ours} {theirs}");
    }
    assert!(close(metrics["mean_turnover"].as_f64().unwrap(), meta["turnover"].as_f64().unwrap()));
    identities(scratch.path(), &metrics);
}

/// What instruments brought is what the account gained, and dealt orders what it cost.
fn identities(scratch: &std::path::Path, metrics: &serde_json::Value) {
    let number = |name: &str| metrics[name].as_f64().unwrap();
    let report = read_json(scratch, "report.json");
    assert_eq!(report["kind"], "alphafleet.backtest_report");
    let dealt = Table::read(&scratch.join("trades.parquet"));
    let costs: f64 = dealt.floats("cost").iter().sum();
    assert!((costs / number("costs") - 1.0).abs() < 1e-9);
    assert_eq!(dealt.rows() as f64, number("fills"));
    let positions = Table::read(&scratch.join("positions.parquet"));
    let last = positions.times("datetime").into_iter().max().unwrap();
    let (times, amounts) = (positions.times("datetime"), positions.floats("amount"));
    let (prices, names) = (positions.floats("price"), positions.texts("instrument"));
    let held: f64 = (0..times.len())
        .filter(|&row| times[row] == last && !names[row].starts_with('_'))
        .map(|row| amounts[row] * prices[row])
        .sum();
    let sign = |side: &String| if side == "buy" { -1.0 } else { 1.0 };
    let moved: f64 = dealt
        .texts("side")
        .iter()
        .zip(dealt.floats("value"))
        .map(|(side, value)| sign(side) * value)
        .sum();
    let gain = number("gain");
    assert!(((moved + held - costs) / gain - 1.0).abs() < 1e-6, "{moved} {held} {gain}");
    assert!(number("trades") > 2_000.0 && number("win_rate") > 0.3);
}
