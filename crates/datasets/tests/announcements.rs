//! Announcements from tables and from Qlib's point-in-time files, good ones and broken ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphafleet_datasets::{
    DatasetError, Precision, PriceBasis, QlibExport, QlibFrequency, export_qlib,
    read_announcements, write_announcements,
};
use alphafleet_market::{
    Announcement, AnnouncementRow, Announcements, AnnouncementsBuilder, Panel, PanelBuilder,
    PanelRow,
};
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use tempfile::TempDir;

const GOOD: &str = "\
note,instrument,announced,period,field,value
a,SH600000,2019-04-25,201901,roewa_q,0.12
b,SH600000,2019-01-31 18:30:00,201804.0,roewa_q,0.5
c,SZ000001,20190320,2018,eps_a,
";

fn read(name: &str, content: &[u8]) -> Result<Announcements, DatasetError> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    read_announcements(&file)
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn assert_good(announcements: &Announcements) {
    let roe = announcements.of("roewa_q", "SH600000").unwrap();
    let (first, second) = (day("2019-01-31"), day("2019-04-25"));
    assert_eq!(roe[0], Announcement { announced: first, period: 201804, value: 0.5 });
    assert_eq!(roe[1], Announcement { announced: second, period: 201901, value: 0.12 });
    let eps = announcements.of("eps_a", "SZ000001").unwrap();
    assert_eq!((eps[0].announced, eps[0].period), (day("2019-03-20"), 2018));
    assert!(eps[0].value.is_nan());
    assert_eq!(announcements.rows(), 3);
}

#[test]
fn a_csv_table_is_read() {
    assert_good(&read("a.csv", GOOD.as_bytes()).unwrap());
}

#[test]
fn a_parquet_table_is_read() {
    let days = ["2019-04-25", "2019-01-31", "2019-03-20"].map(|text| {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        i32::try_from((day(text) - epoch).num_days()).unwrap()
    });
    let columns: [(&str, ArrayRef); 5] = [
        ("instrument", Arc::new(StringArray::from(vec!["SH600000", "SH600000", "SZ000001"]))),
        ("announced", Arc::new(Date32Array::from(days.to_vec()))),
        ("period", Arc::new(Int64Array::from(vec![201901, 201804, 2018]))),
        ("field", Arc::new(StringArray::from(vec!["roewa_q", "roewa_q", "eps_a"]))),
        ("value", Arc::new(Float64Array::from(vec![Some(0.12), Some(0.5), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_good(&read("a.parquet", &bytes).unwrap());
    // A file that is cut off is refused by name.
    for length in [0, 4, 100, bytes.len() - 1] {
        let error = read("a.parquet", &bytes[..length]).unwrap_err();
        assert_eq!(error.code(), "corrupt_file", "{error}");
    }
}

#[test]
fn a_missing_column_is_named() {
    for column in ["instrument", "announced", "period", "field", "value"] {
        let content = GOOD.replacen(column, "other", 1);
        let error = read("a.csv", content.as_bytes()).unwrap_err();
        assert_eq!(error.code(), "missing_column");
        assert!(error.to_string().contains(&format!("column {column} is missing")), "{error}");
    }
    let error = read("a.csv", GOOD.replacen("note", "value", 1).as_bytes()).unwrap_err();
    assert_eq!(error.code(), "ambiguous_column");
}

#[test]
fn a_bad_row_is_named() {
    let cases = [
        ("A,2019-13-01,201901,x_q,1", "bad_value", "row 2: '2019-13-01' in column announced"),
        ("A,,201901,x_q,1", "bad_value", "row 2: '' in column announced"),
        ("A,2019-01-01,soon,x_q,1", "bad_value", "row 2: 'soon' in column period"),
        ("A,2019-01-01,-1,x_q,1", "bad_value", "row 2: '-1' in column period"),
        ("A,2019-01-01,201901,x_q,much", "bad_value", "row 2: 'much' in column value"),
        ("A,2019-01-01,201905,x_q,1", "announcement_period", "row 2: period 201905"),
        ("A,2019-01-01,2019,x_q,1", "announcement_period", "row 2: period 2019"),
        ("A,2019-01-01,201901,x,1", "announcement_field", "row 2: field 'x'"),
        ("A,2019-01-01,201901,x_q,inf", "announcement_value", "row 2: value inf"),
        (",2019-01-01,201901,x_q,1", "announcement_name", "row 2: instrument"),
        ("A,2018-01-01,201701,x_q,2", "announcement_contradiction", "row 2: x_q of A for 201701"),
        ("A,2019-01-01,201901,x_q", "corrupt_file", "a.csv"),
    ];
    for (row, code, says) in cases {
        let content =
            format!("instrument,announced,period,field,value\nA,2018-01-01,201701,x_q,1\n{row}\n");
        let error = read("a.csv", content.as_bytes()).unwrap_err();
        assert_eq!(error.code(), code, "{row}: {error}");
        assert!(error.to_string().contains(says) && error.to_string().contains("a.csv"), "{error}");
        assert!(error.is_callers());
    }
}

#[test]
fn a_table_without_rows_or_end_is_refused() {
    let header = "instrument,announced,period,field,value\n";
    assert_eq!(read("a.csv", header.as_bytes()).unwrap_err().code(), "empty_announcements");
    assert_eq!(read("a.csv", b"").unwrap_err().code(), "missing_column");
    let endless = format!("{header}A,2019-01-01,201901,x_q,\"{}", "x\n".repeat(2 << 20));
    assert_eq!(read("a.csv", endless.as_bytes()).unwrap_err().code(), "too_large");
    assert_eq!(read("a.csv", b"\xff\xfe,b\n").unwrap_err().code(), "corrupt_file");
    let missing = read_announcements(Path::new("no such file.csv")).unwrap_err();
    assert_eq!(missing.code(), "unreadable_file");
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/qlib_pit")
}

/// The folder that `scripts/pit-fixtures.py` wrote in the format that it has pyqlib read.
#[test]
fn a_qlib_folder_is_read() {
    let table = include_str!("../../factors/tests/data/qlib_pit.json");
    let table: serde_json::Value = serde_json::from_str(table).unwrap();
    let found = read_announcements(&fixture()).unwrap();
    let mut expected = 0;
    for row in table["announcements"].as_array().unwrap() {
        let (instrument, field) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        if instrument != "SH600519" {
            continue;
        }
        expected += 1;
        let announced = day(row[2].as_str().unwrap());
        let (period, value) = (row[3].as_u64().unwrap() as u32, row[4].as_f64());
        let known = found.of(field, instrument).unwrap().iter();
        let known: Vec<f64> = known
            .filter(|known| (known.announced, known.period) == (announced, period))
            .map(|known| known.value)
            .collect();
        assert_eq!(known.len(), 1, "{row}");
        assert!(value.map_or(known[0].is_nan(), |value| known[0] == value), "{row}");
    }
    assert_eq!((found.rows(), found.instruments()), (expected, vec!["SH600519"]));
}

fn copy() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let inside = folder.path().join("financial/sh600519");
    fs::create_dir_all(&inside).unwrap();
    for file in fs::read_dir(fixture().join("financial/sh600519")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), inside.join(file.file_name())).unwrap();
    }
    (folder, inside)
}

#[test]
fn a_broken_qlib_folder_is_refused_by_file() {
    type Damage = fn(&Path);
    let cases: [(Damage, &str, &str); 7] = [
        (|f| fs::remove_file(f.join("x_q.index")).unwrap(), "unreadable_file", "x_q.index"),
        (|f| fs::write(f.join("x_q.index"), b"").unwrap(), "corrupt_file", "x_q.index"),
        (|f| fs::write(f.join("x_q.data"), [0; 19]).unwrap(), "corrupt_file", "x_q.data"),
        (|f| fs::write(f.join("x_q.data"), [0; 20]).unwrap(), "corrupt_file", "x_q.data"),
        (|f| fs::write(f.join("x_q.data"), b"").unwrap(), "corrupt_file", "x_q.index"),
        (|f| fs::write(f.join("x.data"), b"").unwrap(), "corrupt_file", "x.data"),
        (|f| fs::write(f.join("x_q.index"), [0; 5000]).unwrap(), "too_large", "x_q.index"),
    ];
    for (damage, code, file) in cases {
        let (folder, inside) = copy();
        damage(&inside);
        let error = read_announcements(folder.path()).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(file), "{error}");
    }
    let empty = TempDir::new().unwrap();
    let error = read_announcements(empty.path()).unwrap_err();
    assert!(error.to_string().contains("financial/"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the bytes are: an error or announcements, and no endless chain.
    #[test]
    fn bytes_of_any_kind_do_no_harm(
        data in prop::bool::ANY, at in 0usize..200, byte in prop::num::u8::ANY, cut in 0usize..220,
    ) {
        let (folder, inside) = copy();
        let file = inside.join(if data { "roewa_q.data" } else { "roewa_q.index" });
        let mut bytes = fs::read(&file).unwrap();
        let place = at % bytes.len();
        bytes[place] = byte;
        bytes.truncate(cut.max(1));
        fs::write(&file, bytes).unwrap();
        if let Err(error) = read_announcements(folder.path()) {
            prop_assert!(error.to_string().contains("roewa_q"), "{error}");
        }
    }
}

fn bars(instruments: &[&str]) -> Panel {
    let mut builder = PanelBuilder::new(["close"]);
    let time = day("2019-01-02").into();
    for instrument in instruments {
        builder.push(PanelRow { instrument, time, values: &[1.0] }).unwrap();
    }
    builder.build().unwrap()
}

fn to_qlib(panel: &Panel, folder: &Path) -> Result<(), DatasetError> {
    let export = QlibExport {
        frequency: &QlibFrequency::day(),
        price_basis: PriceBasis::Raw,
        precision: Precision::Single,
        layout: None,
        universes: &[],
    };
    export_qlib(panel, folder, &export).map(drop)
}

/// Equal, a missing value being one and the same.
fn assert_same(ours: &Announcements, theirs: &Announcements) {
    assert_eq!(ours.rows(), theirs.rows());
    for (ours, theirs) in ours.iter().zip(theirs.iter()) {
        assert_eq!((ours.instrument, ours.field), (theirs.instrument, theirs.field));
        assert_eq!((ours.announced, ours.period), (theirs.announced, theirs.period));
        let bits = [ours.value, theirs.value].map(f64::to_bits);
        assert!(bits[0] == bits[1] || (ours.value.is_nan() && theirs.value.is_nan()));
    }
}

/// What Qlib's own writer laid out comes back byte for byte, by way of Parquet.
#[test]
fn qlibs_files_go_to_parquet_and_back() {
    let folder = TempDir::new().unwrap();
    let found = read_announcements(&fixture()).unwrap();
    let table = folder.path().join("told.parquet");
    write_announcements(&table, &found).unwrap();
    let back = read_announcements(&table).unwrap();
    assert_same(&back, &found);
    let panel = bars(&["SH600519"]).with_announcements(back);
    to_qlib(&panel, &folder.path().join("qlib")).unwrap();
    let (ours, theirs) = (folder.path().join("qlib"), fixture());
    let inside = "financial/sh600519";
    let mut compared = 0;
    for file in fs::read_dir(theirs.join(inside)).unwrap() {
        let name = file.unwrap().file_name();
        let [ours, theirs] =
            [&ours, &theirs].map(|root| fs::read(root.join(inside).join(&name)).unwrap());
        assert!(ours == theirs, "{name:?}");
        compared += 1;
    }
    assert_eq!(compared, 12);
    assert_eq!(fs::read_dir(ours.join(inside)).unwrap().count(), compared);
}

fn any_announcements() -> impl Strategy<Value = Announcements> {
    let value = prop_oneof![
        4 => prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL,
        1 => Just(f64::NAN),
    ];
    let row = (0usize..4, 0usize..4, 0u32..9_000, 1900u32..=2099, 1u32..=4, value);
    prop::collection::vec(row, 1..60).prop_map(|rows| {
        let mut taken = std::collections::BTreeSet::new();
        let mut builder = AnnouncementsBuilder::default();
        for (instrument, field, after, year, quarter, value) in rows {
            let instrument = ["SH600000", "brk-B", "CON", "UNLISTED"][instrument];
            let field = ["roe_q", "größe_q", "eps_a", "x2_a"][field];
            let period = if field.ends_with("_q") { year * 100 + quarter } else { year };
            let announced = day("2001-01-01") + chrono::Days::new(u64::from(after));
            if taken.insert((instrument, field, announced, period)) {
                let row = AnnouncementRow { instrument, field, announced, period, value };
                builder.push(row).unwrap();
            }
        }
        builder.build().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn announcements_come_back_from_parquet_and_from_qlib(announcements in any_announcements()) {
        let folder = TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_announcements(&path("a.parquet"), &announcements).unwrap();
        assert_same(&read_announcements(&path("a.parquet")).unwrap(), &announcements);
        let panel = bars(&["CON", "SH600000", "brk-B"]).with_announcements(announcements.clone());
        to_qlib(&panel, &path("qlib")).unwrap();
        let back = read_announcements(&path("qlib")).unwrap();
        assert_same(&back, &announcements);
        let again = bars(&["CON", "SH600000", "brk-B"]).with_announcements(back);
        to_qlib(&again, &path("again")).unwrap();
        assert_same(&read_announcements(&path("again")).unwrap(), &announcements);
    }
}

#[test]
fn what_qlibs_format_cannot_hold_is_refused() {
    let told = |instrument: &str, field: &str, announced: &str| {
        let mut builder = AnnouncementsBuilder::default();
        let announced = day(announced);
        let row = AnnouncementRow { instrument, field, announced, period: 201804, value: 1.0 };
        builder.push(row).unwrap();
        builder.build().unwrap()
    };
    for (instrument, field, announced, says) in [
        ("a/b", "x_q", "2019-01-01", "folder's name"),
        ("lower", "x_q", "2019-01-01", "upper case"),
        ("brk-b", "x_q", "2019-01-01", "upper case"),
        ("BRK-B", "x_q", "2019-01-01", "the bars of \"brk-B\""),
        ("SH600000", "X_q", "2019-01-01", "lower-case letters"),
        ("SH600000", "x_q", "+10000-01-01", "yyyymmdd"),
    ] {
        let folder = TempDir::new().unwrap();
        let panel = bars(&["SH600000", "brk-B"]);
        let panel = panel.with_announcements(told(instrument, field, announced));
        let refused = to_qlib(&panel, &folder.path().join("qlib")).unwrap_err();
        assert_eq!(refused.code(), "not_representable", "{refused}");
        assert!(refused.to_string().contains(says), "{says}: {refused}");
    }
}
