//! Qlib 0.9.7's LightGBM on Alpha158, on the same market, segments, processors and parameters.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use alphafleet_datasets::{Import, ImportOptions, import_files, read_table};
use alphafleet_factors::{ic_series, pearson, summarise_ic};
use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use support::{Record, bytes, metric, train};

fn golden() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/golden/qlib_backtest");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", folder.display());
    eprintln!("skipped: {} is missing", folder.display());
    None
}

/// `(time, instrument, values)` of each row.
fn rows(path: &Path, names: [&str; 2], fields: &[&str]) -> Vec<(NaiveDateTime, String, Vec<f64>)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        let column =
            |name: &str, to: &DataType| cast(batch.column_by_name(name).expect(name), to).unwrap();
        let times = column(names[0], &DataType::Timestamp(TimeUnit::Nanosecond, None));
        let times = times.as_primitive::<TimestampNanosecondType>();
        let instruments = column(names[1], &DataType::Utf8);
        let instruments = instruments.as_string::<i32>();
        let columns: Vec<_> = fields.iter().map(|f| column(f, &DataType::Float64)).collect();
        for row in 0..batch.num_rows() {
            let value = |array: &arrow::array::ArrayRef| match array.is_null(row) {
                true => f64::NAN,
                false => array.as_primitive::<Float64Type>().value(row),
            };
            rows.push((
                DateTime::from_timestamp_nanos(times.value(row)).naive_utc(),
                instruments.value(row).to_owned(),
                columns.iter().map(value).collect(),
            ));
        }
    }
    rows
}

/// The file holds the index `SH000300` beside the 300 stocks of the universe, and adjusted prices.
fn market(folder: &Path) -> Import {
    let file = folder.join("ohlcv_u300x2500.parquet");
    import_files(&[file], &ImportOptions::default()).unwrap()
}

#[test]
fn predictions_agree_with_qlib() {
    let Some(folder) = golden() else { return };
    let meta: Value =
        serde_json::from_slice(&std::fs::read(folder.join("meta.json")).unwrap()).unwrap();
    let document = json!({
        "dataset": "golden",
        "segments": meta["segments"],
        "purge": false,
        "model": {
            "type": "lightgbm",
            "preset": "qlib_alpha158",
            "learning_rate": meta["params"]["learning_rate"],
            "colsample_bytree": meta["params"]["colsample_bytree"],
            "subsample": meta["params"]["subsample"],
            "lambda_l1": meta["params"]["lambda_l1"],
            "lambda_l2": meta["params"]["lambda_l2"],
            "max_depth": meta["params"]["max_depth"],
            "num_leaves": meta["params"]["num_leaves"],
        },
    });
    let scratch = tempfile::tempdir().unwrap();
    let record = Record::default();
    let trained = train(&document, market(&folder), scratch.path(), None, &record).unwrap();
    let (ic, rank_ic) = (metric(&trained, "ic"), metric(&trained, "rank_ic"));

    let ours = read_table("predictions", bytes(&trained, "predictions.parquet")).unwrap();
    let scores = ours.column("score").unwrap().to_f64();
    let keys = ours.times.iter().zip(&ours.instruments);
    let ours: HashMap<_, _> = keys.map(|(time, name)| (*time, name.as_str())).zip(scores).collect();
    let theirs = rows(&folder.join("pred.parquet"), ["datetime", "instrument"], &["score"]);
    let mut correlations = Vec::new();
    let mut matched = 0;
    for day in theirs.chunk_by(|a, b| a.0 == b.0) {
        let pairs = day.iter().filter_map(|(time, name, score)| {
            ours.get(&(*time, name.as_str())).map(|ours| (*ours, score[0]))
        });
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.unzip();
        matched += x.len();
        correlations.extend(pearson(&x, &y));
    }
    let mean = correlations.iter().sum::<f64>() / correlations.len() as f64;
    eprintln!(
        "daily correlation with Qlib {mean:.4} over {} days, {matched} of {} rows; \
         IC {ic:.5}, rank IC {rank_ic:.5}; {}",
        correlations.len(),
        theirs.len(),
        trained.summary["model"],
    );
    assert!(correlations.len() >= 598, "{} days", correlations.len());
    assert_eq!((matched, matched), (theirs.len(), ours.len()), "the rows differ");
    assert!(mean >= 0.95, "mean daily correlation {mean}");
    assert!((ic - meta["IC"].as_f64().unwrap()).abs() <= 0.003, "IC {ic}");
    assert!((rank_ic - meta["RankIC"].as_f64().unwrap()).abs() <= 0.003, "rank IC {rank_ic}");

    // Our summary is the same figure that an independent pass over the written file gives.
    let table = read_table("predictions", bytes(&trained, "predictions.parquet")).unwrap();
    let mut bars = Vec::new();
    for (row, time) in table.times.iter().enumerate() {
        let next = row > 0 && table.times[row - 1] != *time;
        bars.push(bars.last().copied().unwrap_or(0) + u32::from(next));
    }
    let single = |name: &str| -> Vec<f32> {
        table.column(name).unwrap().to_f64().into_iter().map(|value| value as f32).collect()
    };
    let again = summarise_ic(&ic_series(&bars, &single("score"), &single("label")));
    assert_eq!(again.ic, Some(ic));
}
