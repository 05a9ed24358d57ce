#![allow(clippy::unwrap_used, clippy::expect_used)]
use chrono::NaiveDate;

use super::*;

fn time(day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

fn written<S: AsRef<str>>(table: &Table<'_, S>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_table(&mut bytes, table).unwrap();
    bytes
}

#[test]
fn order_and_float_types_are_kept() {
    let (times, names) = ([time(2), time(3)], ["A", "B"]);
    let table = Table {
        instruments: &names,
        times: &times,
        columns: vec![
            TableColumn { name: "score", values: ColumnValues::F64(&[0.1, f64::NAN]) },
            TableColumn { name: "label", values: ColumnValues::F32(&[f32::MIN_POSITIVE, 0.3]) },
        ],
        keys: KeyOrder::DatetimeFirst,
    };
    let bytes = written(&table);
    assert_eq!(bytes, written(&table));
    let back = read_table("p", bytes).unwrap();
    assert_eq!((back.instruments, back.times), (vec!["A".into(), "B".into()], times.to_vec()));
    let names: Vec<_> = back.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["score", "label"]);
    assert_eq!(back.columns[1].values, OwnedValues::F32(vec![f32::MIN_POSITIVE, 0.3]));
    let score = back.columns[0].values.to_f64();
    assert!(score[0] == 0.1 && score[1].is_nan());
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    let (times, values) = ([time(2)], [1.0]);
    let column = TableColumn { name: "x", values: ColumnValues::F64(&values) };
    let table = |instruments, columns| Table {
        instruments,
        times: &times,
        columns,
        keys: KeyOrder::InstrumentFirst,
    };
    let refused = |table| write_table(Vec::new(), &table).unwrap_err().to_string();
    assert!(refused(table(&["A", "B"], vec![])).contains("instrument has 2 values"));
    assert!(refused(table(&["A"], vec![column, column])).contains("x appears twice"));
    assert_eq!(read_table("p", vec![1, 2, 3]).unwrap_err().code(), "corrupt_file");
}

#[test]
fn a_file_takes_a_table_part_by_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    let (times, names) = ([time(2), time(3), time(2)], ["A", "A", "B"]);
    let (score, label) = ([0.1, f64::NAN, 0.3], [1.0_f32, 2.0, 3.0]);
    let part = |rows: std::ops::Range<usize>| Table {
        instruments: &names[rows.clone()],
        times: &times[rows.clone()],
        columns: vec![
            TableColumn { name: "score", values: ColumnValues::F64(&score[rows.clone()]) },
            TableColumn { name: "label", values: ColumnValues::F32(&label[rows]) },
        ],
        keys: KeyOrder::InstrumentFirst,
    };
    let mut file = TableFile::create(&path, &part(0..0)).unwrap();
    for rows in [0..2, 2..2, 2..3] {
        file.append(&part(rows)).unwrap();
    }
    let mut narrow = part(0..1);
    narrow.columns.pop();
    assert_eq!(file.append(&narrow).unwrap_err().code(), "bad_table");
    file.finish().unwrap();
    let whole = read_table("whole", written(&part(0..3))).unwrap();
    let parts = read_table("parts", std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((&parts.instruments, &parts.times), (&whole.instruments, &whole.times));
    assert_eq!(parts.columns[1], whole.columns[1]);
    assert_eq!(format!("{:?}", parts.columns[0]), format!("{:?}", whole.columns[0]));
}

#[test]
fn a_file_takes_its_place_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.parquet");
    let (times, names) = ([time(2)], ["A"]);
    let table = Table {
        instruments: &names,
        times: &times,
        columns: vec![TableColumn { name: "score", values: ColumnValues::F64(&[0.5]) }],
        keys: KeyOrder::InstrumentFirst,
    };
    std::fs::write(&path, "of before").unwrap();
    let mut interrupted = TableFile::create(&path, &table).unwrap();
    interrupted.append(&table).unwrap();
    drop(interrupted);
    assert_eq!(std::fs::read(&path).unwrap(), b"of before");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);

    write_table_file(&path, &table).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), written(&table));
    let mode = |path: &std::path::Path| {
        std::os::unix::fs::MetadataExt::mode(&path.metadata().unwrap()) & 0o777
    };
    let other = folder.path().join("other");
    std::fs::write(&other, "").unwrap();
    assert_eq!(mode(&path), mode(&other));

    let link = folder.path().join("link.parquet");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write_table_file(&link, &table).unwrap();
    assert!(link.is_symlink());
    write_table_file(std::path::Path::new("/dev/null"), &table).unwrap();
    assert!(!std::path::Path::new("/dev/null").metadata().unwrap().is_file());
    let nowhere = write_table_file(&folder.path().join("no/such.parquet"), &table).unwrap_err();
    assert!(nowhere.to_string().contains("such.parquet"), "{nowhere}");
}
