//! Files that are wrong: each is refused by name, or its faults become findings.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_datasets::{
    ColumnMapping, DatasetError, Import, ImportOptions, Limits, OutsideRange, import_files,
    panel_from_parquet, panel_to_parquet, write_import,
};
use alphafleet_market::{FindingCode, SyntheticMarket};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn import_as(
    name: &str,
    content: impl AsRef<[u8]>,
    options: &ImportOptions,
) -> Result<Import, DatasetError> {
    let files = Files::new();
    import_files(&[files.write(name, content)], options)
}

fn csv(content: impl AsRef<[u8]>) -> Result<Import, DatasetError> {
    import_as("bars.csv", content, &ImportOptions::default())
}

#[track_caller]
fn refused(result: Result<Import, DatasetError>, code: &str, words: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

fn codes(import: &Import) -> Vec<(FindingCode, u64)> {
    import.findings.iter().map(|finding| (finding.code, finding.count)).collect()
}

const HEADER: &str = "date,symbol,open,high,low,close,volume\n";

fn good_parquet() -> Vec<u8> {
    let market = SyntheticMarket { instruments: 4, bars: 50, ..Default::default() };
    panel_to_parquet(&market.generate().unwrap()).unwrap()
}

#[test]
fn csv_files_that_are_wrong_are_refused_by_name() {
    let row = "2024-01-02,A,1,2,1,1.5,10\n";
    refused(
        csv("date,symbol,open,high,low,volume\n"),
        "missing_column",
        "bars.csv: column close is missing; found: date, symbol",
    );
    refused(csv(""), "empty_dataset", "no bars in bars.csv");
    refused(csv(HEADER), "empty_dataset", "bars.csv");
    refused(csv(format!("{HEADER}2024-01-02,A,,,,,\n")), "empty_dataset", "bars.csv");
    refused(
        csv(format!("{HEADER}{row}2024-01-03,A,1,2,x7,1.5,10\n")),
        "bad_value",
        "bars.csv, row 3: 'x7' in column low is not a number",
    );
    refused(
        csv(format!("{HEADER}yesterday,A,1,2,1,1.5,10\n")),
        "bad_value",
        "'yesterday' in column date is not a time",
    );
    refused(csv(format!("{HEADER}0000-00-00,A,1,2,1,1.5,10\n")), "bad_value", "column date");
    refused(
        csv(format!("{HEADER}2024-01-02,,1,2,1,1.5,10\n")),
        "bad_value",
        "is not an instrument",
    );
    refused(
        csv(format!("{HEADER}{row}2024-01-03,A,1\n")),
        "corrupt_file",
        "line 3 has 3 values, the header 7",
    );
    refused(csv([HEADER.as_bytes(), &[0xff, 0xfe, 0, b'\n']].concat()), "corrupt_file", "bars.csv");
    refused(csv("date,open,high,low,close,Close\n"), "ambiguous_column", "close");
    refused(
        import_files(&[PathBuf::from("/nowhere/x.csv")], &ImportOptions::default()),
        "unreadable_file",
        "/nowhere/x.csv",
    );
    refused(import_files(&[], &ImportOptions::default()), "empty_dataset", "");
}

#[test]
fn a_file_that_is_not_there_is_the_callers_fault() {
    let import = |path: PathBuf| import_files(&[path], &ImportOptions::default()).unwrap_err();
    let missing = import(PathBuf::from("/nowhere/x.csv"));
    assert!(missing.is_callers() && !missing.is_data_fault());
    let read = |kind: ErrorKind| DatasetError::Read { file: "x.csv".into(), source: kind.into() };
    for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory] {
        assert!(read(kind).is_callers(), "{kind}");
    }
    assert!(!read(ErrorKind::TimedOut).is_callers());
    assert!(csv("").unwrap_err().is_callers());
}

fn days(import: &Import) -> Vec<String> {
    import.panel.calendar().iter().map(|time| time.format("%d %H:%M").to_string()).collect()
}

#[test]
fn daily_bars_keep_the_date_of_their_zone() {
    let bars = |times: &[String]| {
        let rows: String = times.iter().map(|time| format!("{time},A,1,2,1,1.5,10\n")).collect();
        csv(format!("{HEADER}{rows}")).unwrap()
    };
    for zone in ["+08:00", "-05:00", "+00:00"] {
        let daily = bars(&[2, 3, 6].map(|day| format!("2020-01-{day:02} 00:00:00{zone}")));
        assert_eq!(days(&daily), ["02 00:00", "03 00:00", "06 00:00"], "{zone}");
        assert!(codes(&daily).contains(&(FindingCode::ZonedTimes, 1)));
    }
    // A last bar stamped while its day went on.
    let live = bars(
        &["2020-01-02T00:00:00+08:00", "2020-01-03T00:00:00+08:00", "2020-01-06T05:30:00+08:00"]
            .map(str::to_owned),
    );
    assert_eq!(days(&live), ["02 00:00", "03 00:00", "06 00:00"]);
    // Around the clock, midnight is a bar as any other.
    let hourly: Vec<String> = (0..48)
        .map(|hour| format!("2020-01-{:02} {:02}:00:00+08:00", 2 + hour / 24, hour % 24))
        .collect();
    let hourly = bars(&hourly);
    assert_eq!(hourly.rows, 48);
    assert_eq!((days(&hourly)[0].as_str(), days(&hourly)[47].as_str()), ("01 16:00", "03 15:00"));
}

#[test]
fn daily_bars_keep_the_date_of_their_zone_at_any_hour() {
    let bars = |stamps: &[&str]| {
        let rows: String = stamps.iter().map(|time| format!("{time},1,2,1,1.5,10\n")).collect();
        csv(format!("{HEADER}{rows}")).unwrap()
    };
    // UTC is a day ahead in New York's evening and a day behind in Sydney's morning.
    let evening = ["2020-01-02 20:00:00-05:00,A", "2020-01-02 20:00:00-05:00,B"];
    let next = ["2020-01-03 20:00:00-05:00,B", "2020-01-06 19:30:00-05:00,A"];
    for rows in [[evening, next].concat(), [next, evening].concat()] {
        let daily = bars(&rows);
        assert_eq!(days(&daily), ["02 00:00", "03 00:00", "06 00:00"], "{rows:?}");
        assert!(codes(&daily).contains(&(FindingCode::ZonedTimes, 1)));
    }
    // The same bar twice is one bar.
    let doubled = bars(&[&evening[..], &evening, &next].concat());
    assert_eq!((days(&doubled).len(), doubled.rows), (3, 4));
    // Of bars through the day UTC is right, also where most days have one alone, in any order.
    let two = "2020-01-02 20:05:00-05:00,B";
    for rows in [[&evening[..], &next, &[two]].concat(), [&[two], &next[..], &evening].concat()] {
        let intraday = bars(&rows);
        let expected = ["03 01:00", "03 01:05", "04 01:00", "07 00:30"];
        assert_eq!(days(&intraday), expected, "{rows:?}");
    }
    // A second file may show that the bars of the first are none of days.
    let files = Files::new();
    let [first, second] = [("10:00", "1.5"), ("10:05", "1.6")].map(|(time, close)| {
        let row = format!("2020-01-02 {time}:00+11:00,A,1,2,1,{close},10\n");
        files.write(&format!("{}.csv", &time[3..]), format!("{HEADER}{row}"))
    });
    let both = import_files(&[first.clone(), second], &ImportOptions::default()).unwrap();
    assert_eq!(days(&both), ["01 23:00", "01 23:05"]);
    assert_eq!(days(&import_files(&[first], &ImportOptions::default()).unwrap()), ["02 00:00"]);
}

/// Daily bars as data frames hold them: midnights of a zone, stored as UTC.
fn zoned_parquet(zone: &str, utc: &[&str]) -> Vec<u8> {
    let stamps = utc.iter().map(|time| {
        let time = chrono::NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M").unwrap();
        time.and_utc().timestamp_micros()
    });
    let times = TimestampMicrosecondArray::from_iter_values(stamps).with_timezone(zone);
    let price: ArrayRef = Arc::new(Float64Array::from(vec![1.5; utc.len()]));
    let times: ArrayRef = Arc::new(times);
    let prices = ["open", "high", "low", "close"].map(|name| (name, ArrayRef::clone(&price)));
    let batch = RecordBatch::try_from_iter(std::iter::once(("date", times)).chain(prices)).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn daily_timestamps_keep_the_date_of_their_zone() {
    for (zone, utc) in [
        ("+08:00", ["2020-01-01 16:00", "2020-01-02 16:00"]),
        ("Asia/Shanghai", ["2020-01-01 16:00", "2020-01-02 16:00"]),
        ("America/New_York", ["2020-01-02 05:00", "2020-01-03 05:00"]),
        ("UTC", ["2020-01-02 00:00", "2020-01-03 00:00"]),
        // 20:00, 10:00, 07:00; then 16:00, 15:00 and 09:00, which are on the same date in UTC.
        ("America/New_York", ["2020-01-03 01:00", "2020-01-04 01:00"]),
        ("Australia/Sydney", ["2020-01-01 23:00", "2020-01-02 23:00"]),
        ("Asia/Shanghai", ["2020-01-01 23:00", "2020-01-02 23:00"]),
        ("America/New_York", ["2020-01-02 21:00", "2020-01-03 21:00"]),
        ("Asia/Shanghai", ["2020-01-02 07:00", "2020-01-03 07:00"]),
        ("Asia/Tokyo", ["2020-01-02 00:00", "2020-01-03 00:00"]),
        ("Nowhere/Land", ["2020-01-02 00:00", "2020-01-03 00:00"]),
    ] {
        let bytes = zoned_parquet(zone, &utc);
        let import = import_as("A.parquet", bytes, &ImportOptions::default()).unwrap();
        assert_eq!(days(&import), ["02 00:00", "03 00:00"], "{zone}");
        assert!(codes(&import).contains(&(FindingCode::ZonedTimes, 1)), "{zone}");
    }
}

#[test]
fn limits_hold() {
    let options = |limits| ImportOptions { limits, ..Default::default() };
    let rows = "2024-01-02,A,1,2,1,1.5,10\n2024-01-03,B,1,2,1,1.5,10\n";
    let bars = format!("{HEADER}{rows}");
    let limited = |limits| import_as("bars.csv", &bars, &options(limits));
    refused(
        limited(Limits { file_bytes: 50, ..Default::default() }),
        "too_large",
        "bytes, at most 50",
    );
    refused(limited(Limits { rows: 1, ..Default::default() }), "too_large", "rows, at most 1");
    refused(limited(Limits { columns: 6, ..Default::default() }), "too_large", "7 columns");
    refused(limited(Limits { instruments: 1, ..Default::default() }), "too_large", "instruments");
    refused(limited(Limits { cells: 3, ..Default::default() }), "too_large", "4 cells");
    let values = |values| Limits { values, ..Default::default() };
    refused(limited(values(9)), "too_large", "10 values (rows × columns), at most 9");
    // Two bars of two instruments at different times: 4 cells of 5 columns.
    refused(limited(values(19)), "too_large", "20 values (cells × columns), at most 19");
    assert!(limited(values(20)).is_ok());
    // The footer tells: nothing is decoded first.
    let footer = import_as("bars.parquet", good_parquet(), &options(values(1000)));
    refused(footer, "too_large", "values (rows × columns), at most 1000");
    // A further file's columns count for the rows before it.
    let files = Files::new();
    let first = files.write("a.csv", &bars);
    let second =
        files.write("b.csv", "date,open,high,low,close,w,x,y,z\n2024-01-02,1,2,1,1,1,1,1,1\n");
    refused(import_files(&[first, second], &options(values(17))), "too_large", "18 values");
    // A quote that never closes.
    let endless = format!("{HEADER}2024-01-02,\"{}", "A\n".repeat(2_000_000));
    refused(csv(&endless), "too_large", "bytes in one row");
    let wide = format!("{HEADER}2024-01-02,A,{}1,2,1,1.5,10\n", "9".repeat(3_000_000));
    refused(csv(&wide), "too_large", "bytes in one row");
    let wide = format!("date,{}\n", "x".repeat(3_000_000));
    refused(csv(&wide), "too_large", "bytes in one row");
    let parquet = Limits { rows: 10, ..Default::default() };
    refused(import_as("bars.parquet", good_parquet(), &options(parquet)), "too_large", "rows");
}

#[test]
fn parquet_files_that_are_wrong_are_refused_by_name() {
    let good = good_parquet();
    let parquet = |bytes: &[u8]| import_as("bars.parquet", bytes, &ImportOptions::default());
    parquet(&good).unwrap();
    for length in [0, 3, 4, 12, good.len() / 2, good.len() - 1] {
        refused(parquet(&good[..length]), "corrupt_file", "bars.parquet is corrupt or truncated");
    }
    refused(parquet(b"hello, this is no Parquet file at all"), "corrupt_file", "bars.parquet");
    // Recognised by its magic bytes, whatever it is called.
    assert!(import_as("bars.csv", &good, &ImportOptions::default()).is_ok());
    refused(
        import_as("bars.csv", &good[..good.len() / 2], &ImportOptions::default()),
        "corrupt_file",
        "bars.csv",
    );
}

/// One bar under a codec.
fn compressed(codec: Compression) -> Vec<u8> {
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_577_923_200_000_000]));
    let price: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
    let prices = ["open", "high", "low", "close"].map(|name| (name, ArrayRef::clone(&price)));
    let batch = RecordBatch::try_from_iter(std::iter::once(("date", time)).chain(prices)).unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn codecs() -> [Compression; 6] {
    [
        Compression::SNAPPY,
        Compression::GZIP(Default::default()),
        Compression::BROTLI(Default::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::ZSTD(Default::default()),
    ]
}

#[test]
fn files_under_any_common_codec_are_read() {
    let plain = import_as("A.parquet", compressed(Compression::UNCOMPRESSED), &Default::default());
    let plain = panel_to_parquet(&plain.unwrap().panel).unwrap();
    for codec in codecs() {
        let import = import_as("A.parquet", compressed(codec), &ImportOptions::default());
        let import = import.unwrap_or_else(|error| panic!("{codec}: {error}"));
        assert_eq!(panel_to_parquet(&import.panel).unwrap(), plain, "{codec}");
    }
}

#[test]
fn a_codec_without_a_decoder_is_named() {
    let mut bytes = compressed(Compression::UNCOMPRESSED);
    // Nothing writes LZO: the footer is made to say so, where a column's codec follows its name.
    // Thrift's compact protocol: field 4 after 3, i32; LZO is 3, in zigzag 6.
    let named = b"\x05close\x15\x00";
    let at = bytes.windows(named.len()).position(|window| window == named).unwrap();
    bytes[at + named.len() - 1] = 6;
    refused(
        import_as("A.parquet", &bytes, &ImportOptions::default()),
        "unsupported_codec",
        "A.parquet: column close is compressed with LZO, which is not supported; write it",
    );
}

#[test]
fn faulty_rows_become_findings() {
    let bars = "\
        2024-01-03,A,1,2,1,1.5,10\n\
        2024-01-02,A,1,2,1,1.5,10\n\
        2024-01-02,A,1,2,1,1.5,10\n\
        2024-01-03,A,1,2,1,1.6,11\n\
        2024-01-04,A,1,1,2,1.5,10\n\
        2024-01-05,A,1,2,-1,1.5,10\n\
        2024-01-08,A,1,2,1,1.5,inf\n\
        2024-01-09,A,,,,,5\n";
    let import = csv(format!("{HEADER}{bars}")).unwrap();
    let found = codes(&import);
    for expected in [
        (FindingCode::HighBelowLow, 1),
        (FindingCode::NonPositivePrice, 1),
        (FindingCode::BadBarDropped, 2),
        (FindingCode::ConflictingRows, 1),
        (FindingCode::DuplicateRows, 1),
        (FindingCode::UnorderedRows, 2),
        (FindingCode::InfiniteValues, 1),
        (FindingCode::MissingValues, 1),
        (FindingCode::NullRows, 1),
        (FindingCode::NoAdjustmentFactor, 1),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert_eq!(import.rows, 3);
    // The last of two conflicting rows counts.
    assert_eq!(import.panel.series("close", 0).unwrap()[1], 1.6);
}

#[test]
fn bars_outside_their_range_follow_the_option() {
    let bars = format!("{HEADER}2024-01-02,A,1,2,1,1.5,10\n2024-01-03,A,3,2,1,1.5,10\n");
    let keep = csv(&bars).unwrap();
    assert_eq!(keep.rows, 2);
    assert!(codes(&keep).contains(&(FindingCode::PriceOutsideRange, 1)));
    let options = ImportOptions { outside_range: OutsideRange::Missing, ..Default::default() };
    let dropped = import_as("bars.csv", &bars, &options).unwrap();
    assert_eq!(dropped.rows, 1);
    assert!(codes(&dropped).contains(&(FindingCode::PriceOutsideRange, 1)));
    assert!(codes(&dropped).contains(&(FindingCode::BadBarDropped, 1)));
}

#[test]
fn other_layouts_come_by_mapping_and_stem_and_text_is_left_out() {
    let bars = "Tag,Auf,Hoch,Tief,Zu,Notiz\n2024-01-02,1,2,1,1.5,ruhig\n";
    refused(csv(bars), "missing_column", "datetime");
    let mapping = r#"{"datetime":"Tag","open":"Auf","high":"Hoch","low":"Tief","close":"Zu"}"#;
    let columns: ColumnMapping = serde_json::from_str(mapping).unwrap();
    let options = ImportOptions { columns, ..Default::default() };
    let import = import_as("SAP.csv", bars, &options).unwrap();
    assert_eq!(import.panel.instruments(), ["SAP"]);
    assert!(import.panel.field("notiz").is_none());
    assert!(codes(&import).iter().any(|(code, _)| *code == FindingCode::IgnoredColumn));
    // A long file whose instrument column has a name nobody knows is not one instrument.
    let mut long = "date,firm,open,high,low,close\n".to_owned();
    for row in 0..60 {
        long.push_str(&format!("2024-01-{:02},F{},1,2,1,1.5{row}\n", 2 + row / 3, row % 3));
    }
    refused(csv(long), "missing_column", "column instrument is missing");
}

#[test]
fn a_folder_is_its_files() {
    let files = Files::new();
    files.write("B.csv", "date,open,high,low,close\n2024-01-02,1,2,1,1.5\n");
    files.write("A.csv", "date,open,high,low,close,volume\n2024-01-02,1,2,1,1.5,7\n");
    files.write("notes.txt", "no data");
    let import =
        import_files(&[files.folder.path().to_owned()], &ImportOptions::default()).unwrap();
    assert_eq!(import.panel.instruments(), ["A", "B"]);
    assert_eq!(import.panel.series("volume", 0).unwrap(), [7.0]);
    assert!(import.panel.series("volume", 1).unwrap()[0].is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), csv: bool) {
        let name = if csv { "x.csv" } else { "x.parquet" };
        prop_assert!(import_as(name, &bytes, &ImportOptions::default()).is_err());
    }

    #[test]
    fn a_flipped_byte_is_an_error_or_data(at in 0.0..1.0_f64, bit in 0..8_u32) {
        let mut bytes = good_parquet();
        let at = (at * bytes.len() as f64) as usize;
        bytes[at] ^= 1 << bit;
        let result = import_as("x.parquet", &bytes, &ImportOptions::default());
        if let Err(error) = result {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn a_flipped_byte_under_any_codec_is_an_error_or_data(
        codec in 0..6_usize, at in 0.0..1.0_f64, bit in 0..8_u32
    ) {
        let mut bytes = compressed(codecs()[codec]);
        let at = (at * bytes.len() as f64) as usize;
        bytes[at] ^= 1 << bit;
        if let Err(error) = import_as("A.parquet", &bytes, &ImportOptions::default()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn panels_survive_parquet_and_import(seed: u64, instruments in 1..6_usize, bars in 1..40_usize) {
        let market = SyntheticMarket { instruments, bars, seed, split: 0.05, ..Default::default() };
        let panel = market.generate().unwrap();
        let bytes = panel_to_parquet(&panel).unwrap();
        let back = panel_from_parquet("x", bytes.clone()).unwrap();
        prop_assert_eq!(panel_to_parquet(&back).unwrap(), bytes.clone());
        let options = ImportOptions {
            price_basis: Some(alphafleet_datasets::PriceBasis::Raw), ..Default::default()
        };
        let import = import_as("x.parquet", &bytes, &options).unwrap();
        prop_assert_eq!(panel_to_parquet(&import.panel).unwrap(), bytes);
        prop_assert_eq!(import.rows as usize, panel.rows());
    }
}

/// Daily bars with one split and many tiny changes of the factor, which are dividends and
/// rounding: only the split tells whether the closes were adjusted.
fn bars_with_factor(days: u32, adjusted: bool, split: Option<u32>) -> String {
    let mut bars = "date,symbol,open,high,low,close,volume,factor\n".to_owned();
    for day in 0..days {
        let after = split.is_some_and(|split| day >= split);
        let step = if after { 2.0 } else { 1.0 };
        let factor = step * (1.0 + f64::from(day % 7) * 1e-3);
        let adjusted_close = 100.0 + f64::from(day % 7) * 0.9;
        let close = if adjusted { adjusted_close } else { adjusted_close / step };
        let date =
            chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(day.into());
        bars.push_str(&format!("{date},A,{close},{close},{close},{close},10,{factor}\n"));
    }
    bars
}

#[test]
fn small_changes_of_the_factor_do_not_judge_the_price_basis() {
    for (adjusted, split, expected) in [
        (false, None, false),
        (true, None, false),
        (false, Some(50), false),
        (true, Some(50), true),
    ] {
        let import = csv(bars_with_factor(100, adjusted, split)).unwrap();
        let turned = codes(&import).iter().any(|(code, _)| *code == FindingCode::AdjustedSource);
        assert_eq!(turned, expected, "adjusted: {adjusted}, split: {split:?}");
    }
    // Dividends that happen to fall with the closes, as rounding has it.
    let mut bars = "date,symbol,open,high,low,close,volume,factor\n".to_owned();
    for day in 1..=28 {
        let (close, factor) = if day % 2 == 0 { (100.0, 1.0) } else { (100.5, 1.001) };
        bars.push_str(&format!("2024-02-{day:02},A,{close},{close},{close},{close},10,{factor}\n"));
    }
    assert!(
        !codes(&csv(bars).unwrap()).iter().any(|(code, _)| *code == FindingCode::AdjustedSource)
    );
}

#[test]
fn a_written_import_is_imported_as_it_was() {
    let files = Files::new();
    let dirty = "date,open,high,low,close,volume,factor\n\
        2024-01-03,1,2,1,1.5,10,1\n\
        2024-01-02,1,2,1,1.5,0,1\n\
        2024-01-02,1,2,1,1.5,0,1\n\
        2024-01-04,1,1,2,1.5,10,1\n\
        2024-01-05,,,,,5,1\n\
        2024-01-08,3,2,1,1.5,inf,0.25\n";
    let a = files.write("A.csv", dirty);
    let b =
        files.write("B.csv", "date,open,high,low,close,volume\n2024-01-02 16:00:00,1,2,1,1.5,7\n");
    let import = import_files(&[a, b], &ImportOptions::default()).unwrap();
    for code in [FindingCode::NullRows, FindingCode::BadBarDropped, FindingCode::DailyTimes] {
        assert!(codes(&import).contains(&(code, 1)), "{:#?}", import.findings);
    }
    let merged = files.folder.path().join("merged.parquet");
    write_import(&merged, &import).unwrap();
    let again = import_files(&[merged], &ImportOptions::default()).unwrap();
    assert_eq!(panel_to_parquet(&again.panel).unwrap(), panel_to_parquet(&import.panel).unwrap());
    assert_eq!(again.findings, import.findings);
}

/// A factor that quarters while the closes go on is judged as adjusted, unless the file knows
/// better.
#[test]
fn a_written_import_says_that_its_prices_are_raw() {
    let files = Files::new();
    let bars = files.write("bars.csv", bars_with_factor(100, true, Some(50)));
    let raw = ImportOptions {
        price_basis: Some(alphafleet_datasets::PriceBasis::Raw),
        ..Default::default()
    };
    let import = import_files(&[bars], &raw).unwrap();
    let written = files.folder.path().join("written.parquet");
    write_import(&written, &import).unwrap();
    let again = import_files(&[written], &ImportOptions::default()).unwrap();
    assert_eq!(panel_to_parquet(&again.panel).unwrap(), panel_to_parquet(&import.panel).unwrap());
    assert_eq!(again.findings, import.findings);
}

#[test]
fn raw_prices_with_a_factor_are_recognised_as_raw() {
    let market = SyntheticMarket { instruments: 20, bars: 300, split: 0.01, ..Default::default() };
    let panel = market.generate().unwrap();
    let bytes = panel_to_parquet(&panel).unwrap();
    let import = import_as("x.parquet", &bytes, &ImportOptions::default()).unwrap();
    assert!(!codes(&import).iter().any(|(code, _)| *code == FindingCode::AdjustedSource));
    assert_eq!(panel_to_parquet(&import.panel).unwrap(), bytes);
}
