//! Folders in Qlib's binary format: what Qlib wrote, and what is broken.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

use alphafleet_datasets::{
    DatasetError, Import, ImportOptions, Limits, Precision, PriceBasis, QlibExport, QlibFrequency,
    QlibOptions, export_qlib, import_files, panel_to_parquet, read_qlib,
};
use alphafleet_market::{
    Adjustment, Finding, FindingCode, Panel, PanelBuilder, PanelRow, SyntheticMarket, adjust,
};
use chrono::{NaiveDate, NaiveDateTime};

/// What `scripts/qlib-binary-fixture.py` made with Qlib's `dump_bin.py`, and what pyqlib reads
/// from it.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/qlib_folder")).join(name)
}

fn raw() -> QlibOptions {
    QlibOptions { price_basis: PriceBasis::Raw, ..QlibOptions::default() }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { drop(std::fs::copy(&path, target)) }
    }
}

fn assert_same_files(a: &Path, b: &Path) {
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(a), names(b), "{}", a.display());
    for name in names(a) {
        let (a, b) = (a.join(&name), b.join(&name));
        if a.is_dir() {
            assert_same_files(&a, &b);
        } else {
            assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap(), "{}", a.display());
        }
    }
}

/// The values of a row by pyqlib, and the panel's.
fn compare(panel: &Panel, expected: &Path) -> usize {
    let mut reader = csv::Reader::from_path(expected).unwrap();
    let fields: Vec<String> = reader.headers().unwrap().iter().skip(2).map(str::to_owned).collect();
    let mut compared = 0;
    for row in reader.records() {
        let row = row.unwrap();
        let instrument = panel.instruments().binary_search(&row[0].to_owned()).unwrap();
        let time = NaiveDateTime::parse_from_str(&row[1], "%Y-%m-%d %H:%M:%S").unwrap();
        let bar = panel.calendar().binary_search(&time).unwrap();
        for (field, text) in fields.iter().zip(row.iter().skip(2)) {
            let found = panel.series(field, instrument).unwrap()[bar];
            match text {
                "" => assert!(found.is_nan()),
                _ => assert_eq!(found, f64::from(text.parse::<f32>().unwrap()), "{field} {row:?}"),
            }
            compared += 1;
        }
    }
    compared
}

#[test]
fn what_qlib_wrote_is_read_as_qlib_reads_it_and_written_as_qlib_wrote_it() {
    for name in ["day", "1min"] {
        let folder = tempfile::tempdir().unwrap();
        let read = read_qlib(&fixture(name), &raw()).unwrap();
        assert_eq!(read.panel.instruments(), ["BRK-B", "CON", "SH600000"]);
        assert_eq!(read.panel.rows(), 8 + 11 + 11);
        assert_eq!(compare(&read.panel, &fixture(&format!("{name}.csv"))), (9 + 12 + 12) * 6);
        assert!(read.findings.is_empty(), "{:#?}", read.findings);
        let frequency: QlibFrequency = name.parse().unwrap();
        for (number, (price_basis, layout)) in
            [(PriceBasis::Raw, true), (PriceBasis::Adjusted, true), (PriceBasis::Adjusted, false)]
                .into_iter()
                .enumerate()
        {
            let options = QlibOptions { price_basis, ..QlibOptions::default() };
            let read = read_qlib(&fixture(name), &options).unwrap();
            let layout = layout.then_some(&read.layout);
            let precision = Precision::Double;
            let export = QlibExport {
                frequency: &frequency,
                price_basis,
                precision,
                layout,
                universes: &[],
            };
            let target = folder.path().join(number.to_string());
            assert_eq!(export_qlib(&read.panel, &target, &export).unwrap(), []);
            assert_same_files(&target, &fixture(name));
        }
    }
}

fn finding(findings: &[Finding], code: FindingCode) -> &Finding {
    let found = findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
}

#[test]
fn an_import_has_raw_prices_and_adjusts_them_to_qlibs() {
    let import = |options: &ImportOptions| import_files(&[fixture("day")], options).unwrap();
    let adjusted = import(&ImportOptions::default());
    assert_eq!(adjusted.rows, 30);
    assert_eq!(adjusted.sources[0].name, "day");
    assert_eq!(adjusted.sources.len(), 1);
    finding(&adjusted.findings, FindingCode::AdjustedSource);
    finding(&adjusted.findings, FindingCode::DerivedColumn);
    // 10.012581 / 0.37, both in single precision
    let close = adjusted.panel.series("close", 2).unwrap()[0];
    assert!((close - 27.0610).abs() < 1e-3, "{close}");
    let (back, _) = adjust(adjusted.panel, Adjustment::Backward).unwrap();
    let single = |values: &[f64]| values.iter().map(|&v| f64::from(v as f32)).collect::<Vec<_>>();
    let mut back = back;
    for field in ["open", "high", "low", "close", "volume"] {
        let values = single(back.field(field).unwrap());
        back = back.with_field(field, values).unwrap();
    }
    let kept = read_qlib(&fixture("day"), &raw()).unwrap().panel;
    for field in ["open", "high", "low", "close", "volume"] {
        let (a, b) = (back.field(field).unwrap(), kept.field(field).unwrap());
        assert_eq!(
            a.iter().filter(|v| !v.is_nan()).count(),
            if field == "volume" { 27 } else { 30 }
        );
        assert!(a.iter().zip(b).all(|(a, b)| a == b || (a.is_nan() && b.is_nan())), "{field}");
    }
    for price_basis in [PriceBasis::Raw, PriceBasis::Adjusted] {
        let options = ImportOptions { price_basis: Some(price_basis), ..Default::default() };
        let turned = import(&options).panel.series("close", 2).unwrap()[0] > 20.0;
        assert_eq!(turned, price_basis == PriceBasis::Adjusted);
    }
}

#[test]
fn an_exported_import_is_imported_as_it_was() {
    let market = SyntheticMarket { instruments: 6, bars: 120, split: 0.02, ..Default::default() };
    let panel = market.generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("qlib");
    let day = QlibFrequency::day();
    let export = QlibExport {
        frequency: &day,
        price_basis: PriceBasis::Adjusted,
        precision: Precision::Double,
        layout: None,
        universes: &[],
    };
    export_qlib(&panel, &target, &export).unwrap();
    let import = import_files(std::slice::from_ref(&target), &ImportOptions::default()).unwrap();
    assert_eq!(panel_to_parquet(&import.panel).unwrap(), panel_to_parquet(&panel).unwrap());
    let again = export_qlib(&panel, &target, &export).unwrap_err();
    assert_eq!(again.code(), "target_exists");
    assert!(again.is_callers() && again.to_string().contains("qlib"), "{again}");
}

/// Breaks a copy of the fixture and tries to read and to import it.
#[track_caller]
fn refused(code: &str, words: &str, harm: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("broken");
    copy(&fixture("day"), &root);
    harm(&root);
    let read = read_qlib(&root, &QlibOptions::default()).unwrap_err();
    let imported =
        import_files(std::slice::from_ref(&root), &ImportOptions::default()).unwrap_err();
    for error in [read, imported] {
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.is_callers());
    }
}

#[test]
fn broken_folders_are_refused_by_name() {
    const CLOSE: &str = "features/_qlib_con/close.day.bin";
    let numbers = |numbers: &[f32]| -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    };
    let bin = |bytes: Vec<u8>| move |root: &Path| std::fs::write(root.join(CLOSE), &bytes).unwrap();
    let text = |name: &'static str, text: &'static str| {
        move |root: &Path| std::fs::write(root.join(name), text).unwrap()
    };
    refused("corrupt_file", CLOSE, bin(vec![]));
    refused("corrupt_file", "7 bytes are not a multiple of 4", bin(vec![0; 7]));
    refused("corrupt_file", "start index is -1", bin(numbers(&[-1.0, 1.0])));
    refused("corrupt_file", "start index is 0.5", bin(numbers(&[0.5, 1.0])));
    refused("corrupt_file", "start index is NaN", bin(numbers(&[f32::NAN, 1.0])));
    refused("corrupt_file", "2 bars from 11 on, the calendar has 12", bin(numbers(&[11., 1., 1.])));
    refused("corrupt_file", "56 bytes, more than the calendar's 12 bars", bin(numbers(&[0.0; 14])));
    refused("corrupt_file", "close.day.f64", |root| {
        std::fs::write(root.join(CLOSE).with_extension("f64"), [1; 9]).unwrap();
    });
    refused("corrupt_file", "the .bin it belongs to is not there", |root| {
        std::fs::write(root.join("features/brk-b/pe.day.f64"), [1; 9]).unwrap();
    });
    refused("corrupt_file", "no field can be named so", |root| {
        std::fs::write(root.join("features/brk-b/P E.day.bin"), [0; 8]).unwrap();
    });
    refused("corrupt_file", "they differ in case only", |root| {
        copy(&root.join("features/brk-b"), &root.join("features/BRK-B"));
    });
    refused("bad_value", "calendars/day.txt, row 2", text("calendars/day.txt", "2024-01-02\nx\n"));
    refused(
        "bad_value",
        "later than the line before it",
        text("calendars/day.txt", "2024-01-02\n2024-01-02\n"),
    );
    refused("bad_value", "all.txt, row 1", text("instruments/all.txt", "CON 2024-01-02\n"));
    refused(
        "bad_value",
        "'../../etc' in column symbol",
        text("instruments/all.txt", "../../etc\t2024-01-02\t2024-01-03\n"),
    );
    refused(
        "corrupt_file",
        "con and CON share a folder",
        text("instruments/all.txt", "con\t2024-01-02\t2024-01-03\nCON\t2024-01-02\t2024-01-03\n"),
    );
    refused("missing_frequency", "holds no frequency day; found: ", |root| {
        std::fs::remove_file(root.join("calendars/day.txt")).unwrap();
    });
    refused("corrupt_file", "not UTF-8", |root| {
        std::fs::write(root.join("instruments/all.txt"), [0xff, 0xfe]).unwrap();
    });
    #[cfg(unix)]
    for name in [CLOSE, "features/_qlib_con", "calendars/day.txt"] {
        refused("corrupt_file", "symbolic links are not followed", |root| {
            let away = root.join("away");
            std::fs::rename(root.join(name), &away).unwrap();
            std::os::unix::fs::symlink(&away, root.join(name)).unwrap();
        });
    }
}

#[test]
fn a_changed_bin_and_another_basis_do_not_pass_beside_their_side_file() {
    let panel = panel(&[("A", 2, 12.34), ("A", 3, 12.35)]);
    let folder = tempfile::tempdir().unwrap();
    let day = QlibFrequency::day();
    let export = |price_basis| QlibExport {
        frequency: &day,
        price_basis,
        precision: Precision::Double,
        layout: None,
        universes: &[],
    };
    export_qlib(&panel, folder.path(), &export(PriceBasis::Raw)).unwrap();
    let other = read_qlib(folder.path(), &QlibOptions::default()).unwrap_err();
    assert!(other.to_string().contains("beside raw prices"), "{other}");
    let bin = folder.path().join("features/a/close.day.bin");
    let mut bytes = std::fs::read(&bin).unwrap();
    bytes[4] ^= 1;
    std::fs::write(&bin, bytes).unwrap();
    let stale = read_qlib(folder.path(), &raw()).unwrap_err();
    assert!(stale.to_string().contains("was changed since"), "{stale}");
    std::fs::remove_file(bin.with_extension("f64")).unwrap();
    let single = read_qlib(folder.path(), &raw()).unwrap().panel;
    assert_eq!(single.series("close", 0).unwrap()[1], f64::from(12.35_f32));
}

fn panel(rows: &[(&str, u32, f64)]) -> Panel {
    let mut builder = PanelBuilder::new(["close"]);
    for &(instrument, day, close) in rows {
        let date = NaiveDate::from_ymd_opt(2024, 1, day).unwrap();
        let time = date.and_hms_opt(0, 0, 0).unwrap();
        builder.push(PanelRow { instrument, time, values: &[close] }).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn what_the_format_cannot_hold_is_refused_and_leaves_nothing() {
    let day = QlibFrequency::day();
    let refused = |panel: &Panel, words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("qlib");
        let export = QlibExport {
            frequency: &day,
            price_basis: PriceBasis::Adjusted,
            precision: Precision::Double,
            layout: None,
            universes: &[],
        };
        let error = export_qlib(panel, &target, &export).unwrap_err();
        assert_eq!(error.code(), "not_representable");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.is_callers() && !target.join("calendars").exists());
    };
    refused(&panel(&[("../x", 2, 1.0)]), "instrument \"../x\"");
    refused(&panel(&[("BTC/USDT", 2, 1.0)]), "BTC/USDT");
    refused(&panel(&[("abc", 2, 1.0), ("ABC", 2, 1.0)]), "\"ABC\" has the same folder");
    refused(&panel(&[("A", 2, 1e39)]), "close of A at 2024-01-02 00:00:00: 1e39 is beyond");
    let fine = panel(&[("A", 2, 1.0)]);
    refused(&fine.clone().with_field("P/E", vec![1.0]).unwrap(), "field \"P/E\"");
    let mut builder = PanelBuilder::new(["close"]);
    let noon = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap().and_hms_opt(12, 0, 0).unwrap();
    builder.push(PanelRow { instrument: "A", time: noon, values: &[1.0] }).unwrap();
    refused(&builder.build().unwrap(), "choose a frequency such as 1min");
}

#[test]
fn nothing_is_dropped_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("qlib");
    copy(&fixture("day"), &root);
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    write("calendars/day_future.txt", "2024-01-02\n2030-01-02\n");
    write("calendars/1min.txt", "2024-01-02 09:31:00\n");
    let days = std::fs::read_to_string(root.join("calendars/day.txt")).unwrap();
    write("calendars/day.txt", &(days + "2024-01-18\n"));
    write(
        "instruments/all.txt",
        "SH600000\t2024-01-02\t2024-01-05\nSH600000\t2024-01-10\t2024-01-17\n\
         BRK-B\t2024-01-05\t2024-01-17\nGONE\t2024-01-02\t2024-01-17\n",
    );
    write("instruments/csi-300.txt", "SH600000\t2024-01-02\t2024-01-05\n");
    std::fs::remove_file(root.join("features/brk-b/factor.day.bin")).unwrap();
    let read = read_qlib(&root, &QlibOptions::default()).unwrap();
    let import = import_files(std::slice::from_ref(&root), &ImportOptions::default()).unwrap();
    for findings in [&read.findings, &import.findings] {
        for (code, count, words) in [
            (FindingCode::UniverseLeftOut, 1, "csi-300 (a field is named by"),
            (FindingCode::FrequencyLeftOut, 1, "1min"),
            (FindingCode::UnlistedInstrument, 1, "_qlib_con"),
            (FindingCode::MissingSeries, 1, "features: no file for GONE"),
            (FindingCode::OutsideListing, 1, "outside"),
        ] {
            let found = finding(findings, code);
            assert_eq!(found.count, count, "{found}");
            assert!(found.message.contains(words), "{found}");
        }
        assert!(findings.iter().any(|f| f.message == "factor: no file for BRK-B"), "{findings:#?}");
    }
    assert_eq!(finding(&read.findings, FindingCode::IdleBars).count, 1);
    assert_eq!(read.layout.universe_names().collect::<Vec<_>>(), ["all", "csi-300"]);
    assert_eq!(read.layout.universe_fields().count(), 0);
    assert_eq!(read.panel.instruments(), ["BRK-B", "CON", "SH600000"]);
    // Without a factor, prices are as they were.
    assert!((read.panel.series("close", 0).unwrap()[3] - 20.069237).abs() < 1e-6);

    let minutes = QlibOptions { frequency: Some("1min".parse().unwrap()), ..Default::default() };
    assert_eq!(read_qlib(&root, &minutes).unwrap_err().code(), "empty_dataset");
    // A layout is for the bars it came with.
    let day = QlibFrequency::day();
    let fewer = read.panel.retain_instruments(|name| name != "CON");
    let export = QlibExport {
        frequency: &day,
        price_basis: PriceBasis::Adjusted,
        precision: Precision::Single,
        layout: Some(&read.layout),
        universes: &[],
    };
    let findings = export_qlib(&fewer, &folder.path().join("fewer"), &export).unwrap();
    finding(&findings, FindingCode::LayoutLeftOut);
    let all = std::fs::read_to_string(folder.path().join("fewer/instruments/all.txt")).unwrap();
    assert_eq!(all, "BRK-B\t2024-01-05\t2024-01-17\nSH600000\t2024-01-02\t2024-01-17\n");
}

fn import(root: &Path, options: &ImportOptions) -> Result<Import, DatasetError> {
    import_files(&[root.to_owned()], options)
}

#[test]
fn limits_hold_and_a_folder_is_imported_alone() {
    let limits = |limits| ImportOptions { limits, ..Default::default() };
    for limit in [
        Limits { instruments: 2, ..Limits::default() },
        Limits { columns: 5, ..Limits::default() },
        Limits { rows: 29, ..Limits::default() },
        Limits { values: 100, ..Limits::default() },
        Limits { cells: 20, ..Limits::default() },
    ] {
        let refused = import(&fixture("day"), &limits(limit.clone())).unwrap_err();
        assert_eq!(refused.code(), "too_large", "{limit:?}");
        if limit.rows > 29 {
            let options = QlibOptions { limits: limit, ..Default::default() };
            assert_eq!(read_qlib(&fixture("day"), &options).unwrap_err().code(), "too_large");
        }
    }
    let both = import_files(&[fixture("day"), fixture("1min")], &ImportOptions::default());
    assert_eq!(both.unwrap_err().code(), "mixed_sources");
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture("day"), folder.path());
    for instrument in ["_qlib_con", "brk-b", "sh600000"] {
        let file = folder.path().join(format!("features/{instrument}/low.day.bin"));
        std::fs::remove_file(file).unwrap();
    }
    let refused = import(folder.path(), &ImportOptions::default()).unwrap_err();
    assert_eq!(refused.code(), "missing_column");
    assert!(refused.to_string().contains("column low is missing"), "{refused}");
}
