//! Rows as a file has them: what Qlib computes on, where the import would judge.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use alphafleet_datasets::{DatasetError, Import, ImportOptions, PriceBasis, RowRule, import_files};
use alphafleet_market::FindingCode;

fn recorded() -> ImportOptions {
    let price_basis = Some(PriceBasis::Raw);
    ImportOptions { rows: RowRule::AsRecorded, price_basis, ..ImportOptions::default() }
}

fn csv(rows: &str, options: &ImportOptions) -> Result<Import, DatasetError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bars.csv");
    let header = "symbol,date,open,high,low,close,volume,fund\n";
    std::fs::write(&file, format!("{header}{rows}")).unwrap();
    import_files(&[file], options)
}

fn count(import: &Import, code: FindingCode) -> u64 {
    import.findings.iter().filter(|finding| finding.code == code).map(|found| found.count).sum()
}

/// Equal, or both missing.
fn assert_same(found: &[f64], expected: &[f64]) {
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(same),
        "{found:?} is not {expected:?}"
    );
}

const EDGES: &str = "\
    A,2024-01-02,,,,,,\n\
    A,2024-01-03,1,2,1,1.5,10,1\n\
    A,2024-01-04,,,,,0,5\n\
    A,2024-01-05,1,2,1,1.5,10,2\n\
    A,2024-01-08,,,,,,\n\
    B,2024-01-03,,,,,,\n\
    B,2024-01-04,,,,,,\n";

#[test]
fn a_listing_reaches_from_the_first_row_to_the_last() {
    let import = csv(EDGES, &recorded()).unwrap();
    let panel = &import.panel;
    assert_eq!(panel.instruments(), ["A", "B"]);
    assert_eq!((panel.listed(0), panel.listed(1)), (0..5, 1..3));
    // Bars go by values all the same.
    let bars = |instrument| (0..5).map(move |bar| u8::from(panel.has_bar(instrument, bar)));
    assert_eq!(bars(0).collect::<Vec<_>>(), [0, 1, 1, 1, 0]);
    assert_eq!(bars(1).sum::<u8>(), 0);
    assert_eq!((import.rows, count(&import, FindingCode::NullRows)), (3, 0));
    assert_same(panel.series("volume", 0).unwrap(), &[f64::NAN, 10.0, 0.0, 10.0, f64::NAN]);
    assert_same(panel.series("fund", 0).unwrap(), &[f64::NAN, 1.0, 5.0, 2.0, f64::NAN]);

    let judged = csv(EDGES, &ImportOptions::default()).unwrap();
    assert_eq!(judged.panel.instruments(), ["A"]);
    assert_eq!((judged.rows, count(&judged, FindingCode::NullRows)), (2, 5));
}

#[test]
fn odd_values_stay_beside_their_findings() {
    let rows = "\
        A,2024-01-02,1,2,1,1.5,10,1\n\
        A,2024-01-03,0,2,1,1.5,-3,2\n\
        A,2024-01-04,1,1,2,1.5,12,3\n\
        A,2024-01-05,1,2,1,1.5,13,inf\n";
    let import = csv(rows, &recorded()).unwrap();
    let series = |field: &str| import.panel.series(field, 0).unwrap().to_vec();
    assert_eq!(series("open"), [1.0, 0.0, 1.0, 1.0]);
    assert_eq!((series("high")[2], series("low")[2]), (1.0, 2.0));
    assert_eq!(series("volume"), [10.0, -3.0, 12.0, 13.0]);
    assert_eq!(series("fund"), [1.0, 2.0, 3.0, f64::INFINITY]);
    for (code, expected) in [
        (FindingCode::NonPositivePrice, 1),
        (FindingCode::HighBelowLow, 1),
        (FindingCode::NegativeVolume, 1),
        (FindingCode::BadBarDropped, 0),
        (FindingCode::InfiniteValues, 0),
    ] {
        assert_eq!(count(&import, code), expected, "{code}: {:#?}", import.findings);
    }
}

#[test]
fn of_two_rows_the_one_with_a_price_counts() {
    let rows = "\
        A,2024-01-02,1,2,1,1.5,10,1\n\
        A,2024-01-02,,,,,0,\n\
        A,2024-01-03,,,,,0,\n\
        A,2024-01-03,1,2,1,1.6,11,2\n";
    let import = csv(rows, &recorded()).unwrap();
    assert_eq!(import.panel.series("close", 0).unwrap(), [1.5, 1.6]);
    assert_eq!(count(&import, FindingCode::ConflictingRows), 2);
}

#[test]
fn rows_without_any_value_are_no_data() {
    let error = csv("A,2024-01-02,,,,,,\nA,2024-01-03,,,,,,\n", &recorded()).unwrap_err();
    assert_eq!(error.code(), "empty_dataset");
    // The rule is the caller's: options that travel do not know it.
    let options = serde_json::to_string(&recorded()).unwrap();
    let options: ImportOptions = serde_json::from_str(&options).unwrap();
    assert_eq!(options.rows, RowRule::Judged);
    assert!(serde_json::from_str::<ImportOptions>(r#"{"rows": "as_recorded"}"#).is_err());
}

/// A field of Qlib's binary format: the first bar, then the values, in single precision.
fn bin(folder: &Path, field: &str, first: usize, values: &[f32]) {
    let values = std::iter::once(first as f32).chain(values.iter().copied());
    let bytes: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    std::fs::write(folder.join(format!("{field}.day.bin")), bytes).unwrap();
}

fn qlib_folder(root: &Path) -> PathBuf {
    let features = root.join("features/a");
    for folder in [&root.join("calendars"), &root.join("instruments"), &features] {
        std::fs::create_dir_all(folder).unwrap();
    }
    let days: String = (2..=6).map(|day| format!("2024-01-0{day}\n")).collect();
    std::fs::write(root.join("calendars/day.txt"), days).unwrap();
    std::fs::write(root.join("instruments/all.txt"), "A\t2024-01-02\t2024-01-06\n").unwrap();
    for field in ["open", "high", "low", "close"] {
        bin(&features, field, 1, &[f32::NAN, 2.0, 3.0]);
    }
    bin(&features, "volume", 2, &[10.0, 11.0, f32::NAN]);
    root.to_owned()
}

#[test]
fn a_qlib_folders_series_begin_and_end_with_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let files = [qlib_folder(folder.path())];
    let judged = import_files(&files, &ImportOptions::default()).unwrap();
    assert_eq!(judged.panel.calendar().len(), 2);
    let import = import_files(&files, &recorded()).unwrap();
    let panel = &import.panel;
    let days: Vec<String> = panel.calendar().iter().map(|day| day.date().to_string()).collect();
    assert_eq!(days, ["2024-01-03", "2024-01-04", "2024-01-05", "2024-01-06"]);
    assert_eq!(panel.listed(0), 0..4);
    assert_same(panel.series("close", 0).unwrap(), &[f64::NAN, 2.0, 3.0, f64::NAN]);
    assert!(!panel.has_bar(0, 0) && !panel.has_bar(0, 3));
}
