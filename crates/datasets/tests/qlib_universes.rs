//! A Qlib folder's lists of instruments as fields, and those fields as lists.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use alphafleet_datasets::{
    ImportOptions, Limits, Precision, PriceBasis, QlibExport, QlibFrequency, QlibLayout,
    QlibOptions, export_qlib, import_files, read_converted, read_qlib, write_converted,
};
use alphafleet_market::{Finding, FindingCode, Panel};

/// What Qlib wrote, and what pyqlib reads from it; see `scripts/qlib-binary-fixture.py`.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/qlib_folder")).join(name)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { drop(std::fs::copy(&path, target)) }
    }
}

/// The fixture of a frequency with further lists.
fn folder(frequency: &str, lists: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("qlib");
    copy(&fixture(frequency), &root);
    for (name, text) in lists {
        std::fs::write(root.join(format!("instruments/{name}.txt")), text).unwrap();
    }
    (folder, root)
}

fn list(root: &Path, name: &str) -> String {
    std::fs::read_to_string(root.join(format!("instruments/{name}.txt"))).unwrap()
}

fn finding(findings: &[Finding], code: FindingCode) -> &Finding {
    let found = findings.iter().find(|finding| finding.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {findings:#?}"))
}

/// Instrument and time of all cells with this value, as the fixtures write them.
fn cells(panel: &Panel, field: &str, value: f64) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (index, instrument) in panel.instruments().iter().enumerate() {
        let values = panel.series(field, index).unwrap();
        for (time, own) in panel.calendar().iter().zip(values) {
            if *own == value || own.is_nan() && value.is_nan() {
                let time = time.to_string().replace(" 00:00:00", "");
                found.insert((instrument.clone(), time));
            }
        }
    }
    found
}

#[test]
fn members_are_those_whose_bars_qlib_reads() {
    for (frequency, expected) in [("day", 9), ("1min", 12)] {
        let text = std::fs::read_to_string(fixture(&format!("members.{frequency}.txt"))).unwrap();
        let (_folder, root) = folder(frequency, &[("members", &text)]);
        let mut reader =
            csv::Reader::from_path(fixture(&format!("members.{frequency}.csv"))).unwrap();
        let qlib: BTreeSet<(String, String)> =
            reader.records().map(|row| row.unwrap().deserialize(None).unwrap()).collect();
        assert_eq!(qlib.len(), expected);

        let read = read_qlib(&root, &QlibOptions::default()).unwrap();
        let import = import_files(&[root], &ImportOptions::default()).unwrap();
        for (panel, findings) in [(&read.panel, &read.findings), (&import.panel, &import.findings)]
        {
            assert_eq!(cells(panel, "members", 1.0), qlib, "{frequency}");
            let no_bar = cells(panel, "close", f64::NAN);
            assert_eq!(cells(panel, "members", f64::NAN), no_bar);
            let others = panel.calendar().len() * 3 - expected - no_bar.len();
            assert_eq!(cells(panel, "members", 0.0).len(), others);
            let stranger = finding(findings, FindingCode::UnknownMembers);
            assert_eq!((stranger.count, stranger.column.as_deref()), (1, Some("members")));
            assert!(stranger.message.contains("1 of the 4 instruments it lists"), "{stranger}");
            assert!(stranger.message.contains("GONE"), "{stranger}");
            assert!(findings.iter().all(|f| f.code != FindingCode::UniverseLeftOut));
        }
        assert_eq!(import.panel.with_members("members").unwrap().members().unwrap().len(), 36);
    }
}

#[test]
fn lists_that_cannot_be_fields_are_left_out_with_a_reason() {
    let text = "SH600000\t2024-01-02\t2024-01-05\n";
    let names = ["csi-300", "factor", "CSI500", "volume", "good", "pe_ratio"];
    let (_folder, root) = folder("day", &names.map(|name| (name, text)));
    std::fs::copy(
        root.join("features/brk-b/close.day.bin"),
        root.join("features/brk-b/pe_ratio.day.bin"),
    )
    .unwrap();
    let read = read_qlib(&root, &QlibOptions::default()).unwrap();
    let import = import_files(std::slice::from_ref(&root), &ImportOptions::default()).unwrap();
    for (panel, findings) in [(&read.panel, &read.findings), (&import.panel, &import.findings)] {
        let left_out = finding(findings, FindingCode::UniverseLeftOut);
        assert_eq!(left_out.count, 5, "{left_out}");
        for words in ["CSI500 (a field is named by", "csi-300 (a field", "factor (a column of"] {
            assert!(left_out.message.contains(words), "{left_out}");
        }
        assert_eq!(cells(panel, "good", 1.0).len(), 4);
        assert_eq!(cells(panel, "pe_ratio", 1.0).len(), 0, "the feature stays");
    }
    assert_eq!(read.layout.universe_fields().collect::<Vec<_>>(), ["good"]);
    let mapped = ImportOptions {
        columns: serde_json::from_str(r#"{"good": "pe_ratio"}"#).unwrap(),
        ..Default::default()
    };
    let mapped = import_files(std::slice::from_ref(&root), &mapped).unwrap();
    assert!(mapped.panel.field("good").unwrap().iter().any(|&value| value > 1.0));
    assert_eq!(finding(&mapped.findings, FindingCode::UniverseLeftOut).count, 5);
}

#[test]
fn a_list_never_makes_a_folder_too_large() {
    let text = "SH600000\t2024-01-02\t2024-01-05\n";
    let (_folder, root) = folder("day", &[("one", text), ("two", text)]);
    for limits in
        [Limits { columns: 7, ..Limits::default() }, Limits { values: 7 * 36, ..Limits::default() }]
    {
        let options = QlibOptions { limits: limits.clone(), ..Default::default() };
        let read = read_qlib(&root, &options).unwrap();
        let options = ImportOptions { limits, ..Default::default() };
        let import = import_files(std::slice::from_ref(&root), &options).unwrap();
        for (panel, findings) in [(read.panel, read.findings), (import.panel, import.findings)] {
            assert!(panel.field("one").is_some() && panel.field("two").is_none());
            let told = finding(&findings, FindingCode::UniverseLeftOut);
            assert!(told.message.contains("two (with it the values would be too many)"), "{told}");
        }
    }
}

#[test]
fn a_list_without_members_is_told_of() {
    let text = "SH600000\t1999-01-04\t1999-12-31\n";
    let (_folder, root) = folder("day", &[("early", text), ("empty", "")]);
    let read = read_qlib(&root, &QlibOptions::default()).unwrap();
    let import = import_files(&[root], &ImportOptions::default()).unwrap();
    for (panel, findings) in [(read.panel, read.findings), (import.panel, import.findings)] {
        let none = findings.iter().filter(|finding| finding.code == FindingCode::NoMembers);
        let none: BTreeSet<_> = none.filter_map(|finding| finding.column.as_deref()).collect();
        assert_eq!(none, ["early", "empty"].into());
        assert_eq!(cells(&panel, "early", 0.0).len(), panel.rows());
    }
}

fn export(
    panel: &Panel,
    to: &Path,
    layout: Option<&QlibLayout>,
    universes: &[String],
) -> Result<Vec<Finding>, alphafleet_datasets::DatasetError> {
    let frequency = QlibFrequency::day();
    let (price_basis, precision) = (PriceBasis::Adjusted, Precision::Double);
    let export = QlibExport { frequency: &frequency, price_basis, precision, layout, universes };
    export_qlib(panel, to, &export)
}

const LIST: &str = "SH600000\t1999-01-01\t2024-01-08\nBRK-B\t2024-01-15\t2099-12-31\tx\n\
    GONE\t2024-01-02\t2024-01-03\n";

#[test]
fn what_came_from_a_list_goes_back_as_it_was() {
    let (folder, root) = folder("day", &[("index50", LIST), ("odd-name", LIST)]);
    let file = folder.path().join("x.parquet");
    write_converted(&file, read_qlib(&root, &QlibOptions::default()).unwrap()).unwrap();
    let converted = read_converted(&file).unwrap().unwrap();
    assert_eq!(cells(&converted.panel, "index50", 1.0).len(), 4 + 3);
    let back = folder.path().join("back");
    let found = export(&converted.panel, &back, converted.layout.as_ref(), &[]).unwrap();
    assert_eq!(found, []);
    assert_eq!((list(&back, "index50"), list(&back, "odd-name")), (LIST.into(), LIST.into()));
    assert!(!back.join("features/brk-b/index50.day.bin").exists());
    // Without the column nothing of the folder is lost.
    let less = folder.path().join("less");
    let panel = converted.panel.without_field("index50");
    assert_eq!(export(&panel, &less, converted.layout.as_ref(), &[]).unwrap(), []);
    assert_eq!(list(&less, "index50"), LIST);
}

#[test]
fn a_field_that_changed_is_written_as_a_list_of_its_own() {
    let (folder, root) = folder("day", &[("index50", LIST)]);
    let read = read_qlib(&root, &QlibOptions::default()).unwrap();
    let target = |name: &str| folder.path().join(name);
    // Other bars: the layout is not followed.
    let fewer = read.panel.clone().retain_instruments(|name| name != "CON");
    let found = export(&fewer, &target("fewer"), Some(&read.layout), &[]).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    let anew = "BRK-B\t2024-01-15\t2024-01-17\nSH600000\t2024-01-02\t2024-01-05\n";
    assert_eq!(list(&target("fewer"), "index50"), anew);
    let again = read_qlib(&target("fewer"), &QlibOptions::default()).unwrap();
    assert_eq!(cells(&again.panel, "index50", 1.0), cells(&fewer, "index50", 1.0));

    // Other members: the list is not followed.
    let bars = read.panel.calendar().len();
    let at = |instrument: usize, bar: usize| instrument * bars + bar;
    let mut values = read.panel.field("index50").unwrap().to_vec();
    values[at(2, 1)] = 0.0;
    let other = read.panel.clone().with_field("index50", values.clone()).unwrap();
    let found = export(&other, &target("other"), Some(&read.layout), &[]).unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].message.contains("index50 is not what the list says"), "{}", found[0]);
    let anew = "BRK-B\t2024-01-15\t2024-01-17\nSH600000\t2024-01-02\t2024-01-02\n\
        SH600000\t2024-01-04\t2024-01-05\n";
    assert_eq!(list(&target("other"), "index50"), anew);

    // Weights are no list.
    values[at(2, 1)] = 0.25;
    let weights = read.panel.with_field("index50", values).unwrap();
    let found = export(&weights, &target("weights"), Some(&read.layout), &[]).unwrap();
    assert!(found[0].message.contains("index50 is no list any more"), "{}", found[0]);
    assert!(!target("weights").join("instruments/index50.txt").exists());
    let again = read_qlib(&target("weights"), &QlibOptions::default()).unwrap();
    assert_eq!(again.panel.field("index50").unwrap()[at(2, 1)], 0.25);
}

#[test]
fn universes_become_lists_when_asked_for() {
    let (folder, root) = folder("day", &[("index50", LIST)]);
    let panel = read_qlib(&root, &QlibOptions::default()).unwrap().panel;
    let target = |name: &str| folder.path().join(name);
    let universes = ["index50".to_owned()];
    assert_eq!(export(&panel, &target("lists"), None, &universes).unwrap(), []);
    let anew = "BRK-B\t2024-01-15\t2024-01-17\nSH600000\t2024-01-02\t2024-01-05\n";
    assert_eq!(list(&target("lists"), "index50"), anew);
    assert!(!target("lists").join("features/brk-b/index50.day.bin").exists());
    assert_eq!(export(&panel, &target("features"), None, &[]).unwrap(), []);
    assert!(target("features").join("features/brk-b/index50.day.bin").exists());
    for name in ["lists", "features"] {
        let again = read_qlib(&target(name), &QlibOptions::default()).unwrap().panel;
        assert_eq!(cells(&again, "index50", 1.0), cells(&panel, "index50", 1.0));
        assert_eq!(cells(&again, "index50", 0.0), cells(&panel, "index50", 0.0));
    }
    for (name, words) in [("nothing", "no such field"), ("close", "means something else")] {
        let refused = export(&panel, &target("refused"), None, &[name.to_owned()]).unwrap_err();
        assert_eq!(refused.code(), "not_representable");
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let only = ["open", "high", "low", "close", "volume", "factor"];
    let only = only.into_iter().fold(panel, Panel::without_field);
    let found = export(&only, &target("only"), None, &universes).unwrap();
    finding(&found, FindingCode::LayoutLeftOut);
    let again = read_qlib(&target("only"), &QlibOptions::default()).unwrap().panel;
    assert_eq!(cells(&again, "index50", 1.0), cells(&only, "index50", 1.0));
}
