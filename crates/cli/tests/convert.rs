//! Conversions between Parquet and Qlib's binary format by the command line alone.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use alphafleet_datasets::{read_panel, write_import};
use alphafleet_market::SyntheticMarket;
use serde_json::Value;

const QLIB_DAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/tests/qlib_folder/day");

fn convert(input: &Path, to: &str, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alphafleet"));
    command.args(["--json", "data", "convert"]).arg(input);
    command.args(["--to", to, "--out"]).arg(out).args(more).output().unwrap()
}

#[track_caller]
fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn bars_go_to_qlib_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let market = SyntheticMarket { instruments: 5, bars: 60, split: 0.02, ..Default::default() };
    let panel = market.generate().unwrap();
    let import = alphafleet_datasets::Import {
        rows: panel.rows() as u64,
        panel,
        findings: vec![],
        sources: vec![],
    };
    write_import(&path("bars.parquet"), &import).unwrap();
    let exact = done(&convert(&path("bars.parquet"), "qlib", &path("exact"), &["--exact"]));
    assert_eq!(exact["findings"], Value::Array(vec![]));
    assert_eq!(exact["rows"], import.rows);
    done(&convert(&path("exact"), "parquet", &path("back.parquet"), &[]));
    let (back, panel) = (read_panel(&path("back.parquet")).unwrap(), &import.panel);
    assert_eq!(back.instruments(), panel.instruments());
    for field in panel.field_names() {
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(back.field(field).unwrap()), bits(panel.field(field).unwrap()), "{field}");
    }
    let single = done(&convert(&path("bars.parquet"), "qlib", &path("single"), &[]));
    let findings = single["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["code"] == "rounded_to_single" && f["column"] == "close"));
}

#[test]
fn a_qlib_folder_goes_to_parquet_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    done(&convert(Path::new(QLIB_DAY), "parquet", &path("bars.parquet"), &[]));
    let back = done(&convert(&path("bars.parquet"), "qlib", &path("qlib"), &[]));
    assert!(!back["findings"].to_string().contains("rounded_to_single"), "{back}");
    for file in ["calendars/day.txt", "instruments/all.txt", "features/brk-b/close.day.bin"] {
        let read = |root: &Path| std::fs::read(root.join(file)).unwrap();
        assert_eq!(read(&path("qlib")), read(Path::new(QLIB_DAY)), "{file}");
    }
}

#[test]
fn announcements_go_along_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let table = "instrument,announced,period,field,value\n\
        BRK-B,2019-03-20,201804,roe_q,0.25\nBRK-B,2019-04-25,201901,roe_q,\n\
        BRK-B,2019-05-02,201804,roe_q,0.2\nUNLISTED,2019-03-01,2018,eps_a,1e-300\n";
    std::fs::write(path("told.csv"), table).unwrap();
    let along = |name: &str| ["--announcements".to_owned(), path(name).display().to_string()];
    let convert = |input: &Path, to: &str, out: &str, more: &[String]| {
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        convert(input, to, &path(out), &more)
    };
    done(&convert(Path::new(QLIB_DAY), "parquet", "bars.parquet", &[]));
    done(&convert(&path("bars.parquet"), "qlib", "qlib", &along("told.csv")));
    let index = std::fs::read(path("qlib/financial/brk-b/roe_q.index")).unwrap();
    assert_eq!(index.len(), 4 + 2 * 4 * 4);
    let alone = done(&convert(&path("qlib"), "parquet", "alone.parquet", &[]));
    assert!(alone["findings"].to_string().contains("announcements_left_out"), "{alone}");
    let both =
        done(&convert(&path("qlib"), "parquet", "back.parquet", &along("back-told.parquet")));
    assert!(!both["findings"].to_string().contains("announcements_left_out"), "{both}");
    done(&convert(&path("back.parquet"), "qlib", "again", &along("back-told.parquet")));
    // From one folder to another nothing has to be named.
    done(&convert(&path("qlib"), "qlib", "copy", &[]));
    for file in ["brk-b/roe_q.data", "brk-b/roe_q.index", "unlisted/eps_a.data"] {
        let read = |root: &str| std::fs::read(path(root).join("financial").join(file)).unwrap();
        assert!(read("qlib") == read("again") && read("qlib") == read("copy"), "{file}");
    }
    for (output, says) in [
        (convert(&path("bars.parquet"), "parquet", "x.parquet", &along("x")), "no Qlib folder"),
        (convert(&path("qlib"), "parquet", "x.parquet", &along("told.csv")), "is there already"),
        (convert(&path("bars.parquet"), "qlib", "x", &along("nowhere.csv")), "nowhere.csv"),
    ] {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says), "{says}: {told}");
    }
}

#[test]
fn universes_go_along_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let csv = "symbol,from,to\nBRK-B,2024-01-09,2024-01-12\nCON,,2024-01-03\nXYZ,,\n";
    std::fs::write(path("tech.csv"), csv).unwrap();
    let list = "SH600000\t1999-01-01\t2024-01-03\nSH600000\t2024-01-16\t2099-01-01\n";
    std::fs::write(path("csi300.txt"), list).unwrap();
    let named = |name: &str, file: &str| format!("{name}={}", path(file).display());
    let (tech, csi) = (named("tech", "tech.csv"), named("csi300", "csi300.txt"));
    let both = ["--universe", &tech, "--universe", &csi];
    let convert =
        |input: &Path, to: &str, out: &str, more: &[&str]| convert(input, to, &path(out), more);
    let said = done(&convert(Path::new(QLIB_DAY), "parquet", "bars.parquet", &both));
    let findings = said["findings"].as_array().unwrap();
    let stranger = findings.iter().find(|finding| finding["code"] == "unknown_members").unwrap();
    assert_eq!((&stranger["column"], &stranger["count"]), (&"tech".into(), &1.into()));
    let members = |file: &str, name: &str| {
        let panel = read_panel(&path(file)).unwrap().with_members(name).unwrap();
        panel.members().unwrap().to_vec()
    };
    let count = |all: &[bool]| all.iter().filter(|&&member| member).count();
    let (tech_members, csi_members) =
        (members("bars.parquet", "tech"), members("bars.parquet", "csi300"));
    // A day on which a member has no bar counts too: BRK-B has none on 2024-01-11.
    assert_eq!((count(&tech_members), count(&csi_members)), (4 + 2, 2 + 2));

    // Qlib has them as lists, and from there they are fields again.
    done(&convert(&path("bars.parquet"), "qlib", "qlib", &[]));
    done(&convert(Path::new(QLIB_DAY), "qlib", "direct", &both));
    for folder in ["qlib", "direct"] {
        let list = |name: &str| std::fs::read_to_string(path(folder).join(name)).unwrap();
        assert_eq!(
            list("instruments/tech.txt"),
            "BRK-B\t2024-01-09\t2024-01-12\nCON\t2024-01-02\t2024-01-03\n"
        );
        assert_eq!(
            list("instruments/csi300.txt"),
            "SH600000\t2024-01-02\t2024-01-03\nSH600000\t2024-01-16\t2024-01-17\n"
        );
        assert!(!path(folder).join("features/con/tech.day.bin").exists());
        let back = format!("{folder}.parquet");
        let said = done(&convert(&path(folder), "parquet", &back, &[]));
        assert!(!said["findings"].to_string().contains("universe"), "{said}");
        assert_eq!(members(&back, "tech"), tech_members);
        assert_eq!(members(&back, "csi300"), csi_members);
    }

    std::fs::write(path("broken.csv"), "symbol,from\nCON,2024-01-02\nCON,soon\n").unwrap();
    std::fs::write(path("strange.csv"), "symbol\nNVDA\n").unwrap();
    for (universe, says) in [
        (named("x", "broken.csv"), "broken.csv, row 3: 'soon' in column from is not a day"),
        (named("x", "strange.csv"), "strange.csv lists none of the bars' instruments: it has NVDA"),
        (named("x", "nowhere.csv"), "nowhere.csv"),
        (named("close", "tech.csv"), "universe close: a column of that name means something else"),
        (named("tech", "tech.csv"), "universe tech: there is a field of that name"),
        (named("S&P", "tech.csv"), "universe S&P: a field is named by a lower-case letter"),
        ("tech".to_owned(), "expected NAME=FILE, such as csi300=csi300.txt"),
    ] {
        let more = ["--universe", &universe];
        let output = convert(&path("bars.parquet"), "parquet", "x.parquet", &more);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(says), "{says}: {told}");
        assert!(!path("x.parquet").exists());
    }
}

#[test]
fn mistakes_exit_2_and_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("there.parquet"), "x").unwrap();
    std::fs::create_dir_all(path("broken/calendars")).unwrap();
    std::fs::create_dir_all(path("broken/instruments")).unwrap();
    std::fs::create_dir_all(path("broken/features/a")).unwrap();
    std::fs::write(path("broken/calendars/day.txt"), "2024-01-02\n").unwrap();
    std::fs::write(path("broken/features/a/close.day.bin"), [0; 7]).unwrap();
    let qlib = Path::new(QLIB_DAY);
    for (output, words) in [
        (convert(&path("broken"), "parquet", &path("x.parquet"), &[]), "features/a/close.day.bin"),
        (convert(qlib, "parquet", &path("there.parquet"), &[]), "there.parquet is there already"),
        (convert(qlib, "qlib", &path("broken"), &[]), "broken is there already"),
        (convert(&path("nowhere.csv"), "qlib", &path("x"), &[]), "nowhere.csv"),
        (convert(qlib, "parquet", &path("x"), &["--frequency", "5min"]), "no frequency 5min"),
        (convert(qlib, "parquet", &path("x"), &["--frequency", "hourly"]), "hourly"),
    ] {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{words}: {told}");
    }
}
