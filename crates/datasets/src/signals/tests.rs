#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use chrono::NaiveDate;

use super::*;
use crate::{ColumnValues, KeyOrder, Table, TableColumn, write_table_file};

fn day(day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

fn csv(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("scores.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn parquet(folder: &Path, times: &[NaiveDateTime], scores: &[f64]) -> PathBuf {
    let path = folder.join("scores.parquet");
    let labels = vec![f64::NAN; scores.len()];
    let table = Table {
        instruments: &["B", "A", "A"],
        times,
        columns: vec![
            TableColumn { name: "score", values: ColumnValues::F64(scores) },
            TableColumn { name: "label", values: ColumnValues::F64(&labels) },
        ],
        keys: KeyOrder::DatetimeFirst,
    };
    write_table_file(&path, &table).unwrap();
    path
}

#[test]
fn both_formats_give_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let times = [day(2), day(3), day(2)];
    let ours = read_signals(&parquet(folder.path(), &times, &[0.5, f64::NAN, -1.0])).unwrap();
    let text = "rank,symbol,Date,score\n1,B,2024-01-02,0.5\n2,A,20240103,\n3,A,2024-01-02,-1\n";
    assert_eq!(read_signals(&csv(folder.path(), text)).unwrap(), ours);
    let row = |instrument: &str, score| SignalRow {
        instrument: instrument.to_owned(),
        time: day(2),
        score,
    };
    assert_eq!(ours.rows, [row("A", -1.0), row("B", 0.5)]);
    assert!(ours.findings[0].message.contains("1 of 3"), "{:?}", ours.findings);
}

#[test]
fn what_is_no_signal_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let empty = read_signals(&parquet(folder, &[day(2), day(3), day(4)], &[f64::NAN; 3]));
    assert_eq!(empty.unwrap_err().code(), "empty_signal");
    let twice = read_signals(&parquet(folder, &[day(2), day(3), day(3)], &[1.0; 3])).unwrap_err();
    assert_eq!(twice.code(), "duplicate_score");
    assert!(twice.to_string().contains("A at 2024-01-03"), "{twice}");
    for (text, code, words) in [
        ("instrument,score\nA,1\n", "missing_column", "datetime or date"),
        ("symbol,date,points\nA,2024-01-02,1\n", "missing_column", "score"),
        ("symbol,date,score\nA,yesterday,1\n", "bad_value", "row 1: 'yesterday'"),
        ("symbol,date,score\nA,2024-01-02,high\n", "bad_value", "'high' in column score"),
        ("symbol,date,score\n,2024-01-02,1\n", "bad_value", "a name"),
        ("symbol,date,score\nA,2024-01-02,nan\n", "empty_signal", "NaN alone"),
        ("symbol,date,score\n", "empty_signal", "no score"),
    ] {
        let error = read_signals(&csv(folder, text)).unwrap_err();
        assert_eq!(error.code(), code, "{text}");
        assert!(error.to_string().contains(words) && error.is_callers(), "{error}");
    }
    let nowhere = read_signals(&folder.join("nowhere.csv")).unwrap_err();
    assert_eq!(nowhere.code(), "unreadable_file");
    std::fs::write(folder.join("broken.parquet"), b"PAR1 and nothing else").unwrap();
    let broken = read_signals(&folder.join("broken.parquet")).unwrap_err();
    assert_eq!(broken.code(), "corrupt_file");
}

/// A file of scores of A whose times are nanoseconds of UTC in this zone.
fn zoned(folder: &Path, zone: &str, times: &[&str]) -> PathBuf {
    let nanos = times.iter().map(|time| {
        let time = chrono::DateTime::parse_from_rfc3339(time).unwrap();
        time.timestamp_nanos_opt().unwrap()
    });
    let times = TimestampNanosecondArray::from_iter_values(nanos).with_timezone(zone);
    let count = times.len();
    let columns: [(&str, ArrayRef); 3] = [
        ("instrument", Arc::new(StringArray::from(vec!["A"; count]))),
        ("datetime", Arc::new(times)),
        ("score", Arc::new(Float64Array::from(vec![1.0; count]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = folder.join("zoned.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

#[test]
fn midnights_of_a_zone_keep_their_date_and_other_times_become_utc() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let of_text = |times: &[&str]| {
        let rows: String = times.iter().map(|time| format!("A,{time},1\n")).collect();
        csv(folder, &format!("symbol,datetime,score\n{rows}"))
    };
    let read = |path: &Path| {
        let file = read_signals(path).unwrap();
        let times: Vec<String> = file.rows.iter().map(|row| row.time.to_string()).collect();
        let told: Vec<String> = file.findings.into_iter().map(|found| found.message).collect();
        (times.join(", "), told.join(", "))
    };
    let days = ["2024-01-02T00:00:00+08:00", "2024-01-03T00:00:00+08:00"];
    let hours = ["2024-01-02T10:30:00-05:00", "2024-01-02T11:30:00-05:00"];
    for path in [of_text(&days), zoned(folder, "Asia/Shanghai", &days)] {
        let (times, told) = read(&path);
        assert_eq!(times, "2024-01-02 00:00:00, 2024-01-03 00:00:00");
        assert!(told.contains("keep the date"), "{told}");
    }
    for path in [of_text(&hours), zoned(folder, "America/New_York", &hours)] {
        let (times, told) = read(&path);
        assert_eq!(times, "2024-01-02 15:30:00, 2024-01-02 16:30:00");
        assert!(told.contains("turned into UTC"), "{told}");
    }
    let (times, told) = read(&of_text(&["2024-01-02 10:30:00"]));
    assert_eq!((times.as_str(), told.as_str()), ("2024-01-02 10:30:00", ""));
}
