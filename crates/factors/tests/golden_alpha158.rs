//! Alpha158 and the default label against pyqlib 0.9.7 on a synthetic market with late listings and
//! suspensions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use alphafleet_factors::{alpha158, alpha158_sources, compute, default_label};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const FIELDS: [&str; 8] = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"];

/// The folder of references, or `None` where the machine has none; continuous integration must.
fn golden() -> Option<PathBuf> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/qlib_alpha158");
    let path = PathBuf::from(path);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").is_err(), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

fn read(file: PathBuf) -> Vec<RecordBatch> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    reader.build().unwrap().map(Result::unwrap).collect()
}

fn keys(batch: &RecordBatch) -> Vec<(String, NaiveDateTime)> {
    let names = cast(batch.column_by_name("instrument").unwrap(), &DataType::Utf8).unwrap();
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let times = cast(batch.column_by_name("datetime").unwrap(), &nanos).unwrap();
    let times = times.as_primitive::<TimestampNanosecondType>();
    let name = |row: usize| names.as_string::<i32>().value(row).to_owned();
    let time = |row: usize| DateTime::from_timestamp_nanos(times.value(row)).naive_utc();
    (0..batch.num_rows()).map(|row| (name(row), time(row))).collect()
}

fn floats(batch: &RecordBatch, name: &str) -> Vec<f32> {
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("{name} is missing"));
    let column = column.as_primitive::<Float32Type>();
    let value = |row: usize| if column.is_null(row) { f32::NAN } else { column.value(row) };
    (0..column.len()).map(value).collect()
}

fn panel(folder: &std::path::Path) -> Panel {
    let mut builder = PanelBuilder::new(FIELDS);
    for batch in read(folder.join("alpha158_input.parquet")) {
        let columns = FIELDS.map(|field| floats(&batch, field));
        for (row, (instrument, time)) in keys(&batch).into_iter().enumerate() {
            let values = columns.each_ref().map(|column| f64::from(column[row]));
            let row = PanelRow { instrument: &instrument, time, values: &values };
            builder.push(row).unwrap();
        }
    }
    builder.build().unwrap()
}

#[test]
fn names_and_expressions_are_those_of_qlib() {
    let Some(folder) = golden() else { return };
    let meta = std::fs::read_to_string(folder.join("alpha158_meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&meta).unwrap();
    let list = |key: &str| serde_json::from_value::<Vec<String>>(meta[key].clone()).unwrap();
    let expected: Vec<_> = list("names").into_iter().zip(list("exprs")).collect();
    assert_eq!(alpha158_sources(), expected);
    assert_eq!(meta["label"], alphafleet_factors::DEFAULT_LABEL);
}

#[test]
fn every_value_is_that_of_qlib() {
    let Some(folder) = golden() else { return };
    let panel = panel(&folder);
    let mut exprs = alpha158().unwrap();
    exprs.push(default_label().unwrap());
    let frame = compute(&panel, &exprs, 2).unwrap();

    let mut reference = BTreeMap::<&str, Vec<f32>>::new();
    let mut cells = vec![];
    for batch in read(folder.join("alpha158_features.parquet")) {
        for named in &exprs {
            reference.entry(&named.name).or_default().extend(floats(&batch, &named.name));
        }
        for (instrument, time) in keys(&batch) {
            let instrument = panel.instruments().binary_search(&instrument).unwrap();
            let bar = panel.calendar().binary_search(&time).unwrap();
            cells.push(frame.cell(instrument, bar).unwrap());
        }
    }
    assert!(cells.len() > 20_000);

    let mut worst = vec![];
    for (index, named) in exprs.iter().enumerate() {
        let ours = cells.iter().map(|&cell| frame.column(index)[cell]);
        let theirs = &reference[named.name.as_str()];
        let tolerance = 1e-6 * deviation(theirs);
        let mut wrong = vec![];
        for ((ours, &theirs), &cell) in ours.zip(theirs).zip(&cells) {
            let (a, b) = (f64::from(ours), f64::from(theirs));
            let fits =
                if b.is_nan() { a.is_nan() } else { (a - b).abs() <= 1e-4 * b.abs() + tolerance };
            if !fits {
                wrong.push((cell, ours, theirs));
            }
        }
        if !wrong.is_empty() {
            worst.push(format!(
                "{}: {} wrong, {:?}",
                named.name,
                wrong.len(),
                &wrong[..wrong.len().min(3)]
            ));
        }
    }
    assert!(worst.is_empty(), "{}", worst.join("\n"));
}

fn deviation(values: &[f32]) -> f64 {
    let present = || values.iter().filter(|v| !v.is_nan()).map(|&v| f64::from(v));
    let count = present().count() as f64;
    let mean = present().sum::<f64>() / count;
    (present().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}
