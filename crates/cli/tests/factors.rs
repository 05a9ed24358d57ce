//! `alphafleet factors`, on files alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use alphafleet_datasets::{read_table, write_panel};
use alphafleet_factors::{EffectivenessReport, NamedExpr, compute_double};
use alphafleet_market::SyntheticMarket;

fn evaluate(data: &Path, out: &Path, args: &[&str]) -> Output {
    let mut all = vec!["factors", "evaluate", "--data", data.to_str().unwrap()];
    all.extend(["--out", out.to_str().unwrap()]);
    all.extend(args);
    Command::new(env!("CARGO_BIN_EXE_alphafleet")).args(all).output().unwrap()
}

fn market(folder: &Path) -> std::path::PathBuf {
    let market = SyntheticMarket { instruments: 20, bars: 150, ..Default::default() };
    let file = folder.join("market.parquet");
    write_panel(&file, &market.generate().unwrap()).unwrap();
    file
}

#[test]
fn an_evaluation_leaves_json_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (market(folder.path()), folder.path().join("out"));
    let own = "reversal=Ref($close, 5)/$close";
    let args = ["--set", "alpha158", "--expr", own, "--horizons", "2,1", "--quantiles", "3"];
    let done = evaluate(&data, &out, &args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8(done.stdout).unwrap();
    assert!(printed.contains("rank ICIR") && printed.contains("effectiveness.html"), "{printed}");

    let json = std::fs::read(out.join("effectiveness.json")).unwrap();
    let report: EffectivenessReport = serde_json::from_slice(&json).unwrap();
    assert_eq!(report.factors.len(), 159);
    assert_eq!(report.factors[158].name, "reversal");
    assert_eq!((report.options.horizons.clone(), report.options.quantiles), (vec![2, 1], 3));
    // ROC5 is the same formula.
    let roc5 = report.factors.iter().find(|factor| factor.name == "ROC5").unwrap();
    assert_eq!(roc5.horizons, report.factors[158].horizons);
    let page = std::fs::read_to_string(out.join("effectiveness.html")).unwrap();
    assert!(page.contains("Factor effectiveness on market") && page.contains("reversal"));
}

/// Computes Alpha158 of a market and answers the most memory that took, in bytes, and the rows.
fn compute(folder: &Path, instruments: usize, bars: usize) -> (usize, usize) {
    let market = SyntheticMarket { instruments, bars, ..Default::default() };
    let (data, out) = (folder.join("market.parquet"), folder.join("factors.parquet"));
    let panel = market.generate().unwrap();
    write_panel(&data, &panel).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_alphafleet"))
        .args(["--json", "factors", "compute", "--set", "alpha158", "--threads", "2", "--data"])
        .arg(&data)
        .arg("--out")
        .arg(&out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        // It only grows. Of a process that has ended there is none.
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        peak = kib.map_or(peak, |kib| kib * 1_024);
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(ended.success());
    let answer: serde_json::Value = serde_json::from_reader(child.stdout.unwrap()).unwrap();
    let rows: usize = (0..instruments).map(|at| panel.listed(at).len()).sum();
    assert_eq!(
        (answer["rows"].as_u64(), answer["factors"].as_u64()),
        (Some(rows as u64), Some(158))
    );
    (peak, rows)
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_factors() {
    let folder = tempfile::tempdir().unwrap();
    let (small, few) = compute(folder.path(), 60, 2_000);
    let (large, many) = compute(folder.path(), 240, 2_000);
    // Four times the factors; of what is more, only the bars may be held.
    let factors = (many - few) * 158 * size_of::<f32>();
    let grown = large.saturating_sub(small);
    assert!(grown < factors / 2, "{grown} bytes more for factors of {factors} bytes more");
}

#[test]
fn factors_are_written_in_order_whatever_they_compare() {
    let folder = tempfile::tempdir().unwrap();
    let market = SyntheticMarket { instruments: 20, bars: 60, ..Default::default() };
    let panel = market.generate().unwrap();
    let (data, out) = (folder.path().join("market.parquet"), folder.path().join("out.parquet"));
    write_panel(&data, &panel).unwrap();
    let sources =
        [("rank", "CSRank($close)"), ("rsi", "RSI($close, 6)"), ("ma", "Mean($close, 5)")];
    let mut command = Command::new(env!("CARGO_BIN_EXE_alphafleet"));
    command.args(["factors", "compute", "--data"]).arg(&data).arg("--out").arg(&out);
    for (name, source) in sources {
        command.arg("--expr").arg(format!("{name}={source}"));
    }
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let table = read_table("out", std::fs::read(&out).unwrap()).unwrap();
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["rank", "rsi", "ma"]);
    for (name, source) in sources {
        let expr = NamedExpr::parse(name, source).unwrap();
        let frame = compute_double(&panel, std::slice::from_ref(&expr), 1).unwrap();
        let single = |value: &f64| if name == "rsi" { *value } else { f64::from(*value as f32) };
        let expected: Vec<u64> = frame.column(0).iter().map(|v| single(v).to_bits()).collect();
        let found = table.column(name).unwrap().to_f64();
        let found: Vec<u64> = found.into_iter().map(f64::to_bits).collect();
        let same = |(a, b): (&u64, &u64)| {
            a == b || (f64::from_bits(*a).is_nan() && f64::from_bits(*b).is_nan())
        };
        assert!(found.len() == expected.len() && found.iter().zip(&expected).all(same), "{name}");
    }
    let first: Vec<&String> = table.instruments.iter().take(60).collect();
    assert!(first.is_sorted() && table.instruments.is_sorted());
}

fn compute_csv(data: &Path, out: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alphafleet"));
    command.args(["factors", "compute", "--data"]).arg(data).arg("--out").arg(out);
    command.args(args).output().unwrap()
}

/// Rows without prices before, within and after the bars, and bars that cannot be.
const ODD: &str = "\
    symbol,date,open,high,low,close,volume,fund\n\
    A,2024-01-02,,,,,,\n\
    A,2024-01-03,10,12,9,11,100,1\n\
    A,2024-01-04,,,,,0,5\n\
    A,2024-01-05,0,12,10,12,300,2\n\
    A,2024-01-08,11,9,12,10,200,inf\n\
    A,2024-01-09,,,,,,\n\
    B,2024-01-08,,,,,,\n\
    B,2024-01-09,,,,,,\n";

/// The values are those of pyqlib 0.9.7 on the rows of A, in single precision.
#[test]
fn factors_are_qlibs_on_the_rows_of_the_file() {
    const N: f64 = f64::NAN;
    const INF: f64 = f64::INFINITY;
    let expected = [
        ("$fund", [N, 1.0, 5.0, 2.0, INF, N]),
        ("Mean($volume, 3)", [N, 100.0, 50.0, 133.33333, 166.66667, 250.0]),
        ("IdxMax($high, 3)", [N, 1.0, 1.0, 2.0, 1.0, 3.0]),
        ("IdxMax($close, 0)", [N, 1.0, 1.0, 1.0, 1.0, 1.0]),
        ("Ref($close, 0)", [N; 6]),
        ("EMA($close, 0)", [N, 8.25, 3.1428571, 7.334559, 8.1611376, 5.3139458]),
        ("WMA($close, 3)", [N, 7.3333335, 3.6666667, 3.9166667, 4.5, 2.6666667]),
        ("Sum($close, 3)", [N, 11.0, 11.0, 23.0, 22.0, 22.0]),
        ("Mean($fund, 2)", [N, 1.0, 3.0, 3.5, 2.0, N]),
        ("Max($fund, 3)", [N, 1.0, 5.0, 5.0, 5.0, 2.0]),
        ("$high-$low", [N, 3.0, N, 2.0, -3.0, N]),
        ("$close/$open", [N, 1.1, N, INF, 0.9090909, N]),
        ("Std($volume, 3)", [N, N, 70.71068, 152.75252, 152.75252, 70.71068]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (folder.path().join("bars.csv"), folder.path().join("out.parquet"));
    std::fs::write(&data, ODD).unwrap();
    let named = expected.iter().enumerate().map(|(at, (source, _))| format!("x{at}={source}"));
    let named: Vec<String> = named.collect();
    let args: Vec<&str> = named.iter().flat_map(|named| ["--expr", named]).collect();
    let done = compute_csv(&data, &out, &args);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let table = read_table("out", std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(table.instruments, ["A", "A", "A", "A", "A", "A", "B", "B"]);
    assert_eq!(table.times[6].to_string(), "2024-01-08 00:00:00");
    for (at, (source, expected)) in expected.iter().enumerate() {
        let found = table.column(&format!("x{at}")).unwrap().to_f64();
        let same = |(found, expected): (&f64, &f64)| {
            found == expected
                || (found.is_nan() && expected.is_nan())
                || (found - expected).abs() <= 1e-6 * expected.abs()
        };
        assert!(found.iter().zip(expected).all(same), "{source}: {found:?}, not {expected:?}");
        assert!(found[6..].iter().all(|value| value.is_nan()), "{source}: {found:?}");
    }
}

#[test]
fn a_finding_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("A.csv");
    let rows = (10..31).map(|day| format!("2024-01-{day},10,12,9,1{}\n", day % 3));
    std::fs::write(&data, "date,open,high,low,close\n".to_owned() + &rows.collect::<String>())
        .unwrap();
    let own = ["--expr", "ma=Mean($close, 2)"];
    let computed = compute_csv(&data, &folder.path().join("out.parquet"), &own);
    let judged = [&own[..], &["--horizons", "1"]].concat();
    let evaluated = evaluate(&data, &folder.path().join("out"), &judged);
    for (done, code) in [
        (&computed, "missing_column"),
        (&computed, "no_adjustment_factor"),
        (&evaluated, "missing_column"),
        (&evaluated, "no_adjustment_factor"),
    ] {
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let printed = String::from_utf8_lossy(&done.stdout);
        assert_eq!(printed.matches(code).count(), 1, "{code}: {printed}");
    }
}

#[test]
fn what_is_read_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (data, told, link) = (path("bars.csv"), path("told.parquet"), path("link.csv"));
    std::fs::write(&data, ODD).unwrap();
    std::fs::write(&told, "whatever this is").unwrap();
    std::os::unix::fs::symlink(&data, &link).unwrap();
    let own = ["--expr", "ma=Mean($close, 2)"];
    let announced = [&own[..], &["--announcements", told.to_str().unwrap()]].concat();
    let cases: [(&Path, &Path, &[&str]); 5] = [
        (&data, &data, &own),
        (&data, &link, &own),
        (&link, &data, &own),
        (folder.path(), &data, &own),
        (&data, &told, &announced),
    ];
    for (data, out, args) in cases {
        let refused = compute_csv(data, out, args);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{data:?} to {out:?}: {said}");
        assert!(said.contains("would overwrite"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&data).unwrap(), ODD);
    // A file of an earlier run may be written again.
    for _ in 0..2 {
        let done = compute_csv(&data, &path("out.parquet"), &own);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn mistakes_are_the_callers_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (market(folder.path()), folder.path().join("out"));
    let cases: [(&[&str], &str); 8] = [
        (&[], "--expr"),
        (&["--expr", "$close"], "NAME=EXPR"),
        (&["--expr", "a=Ref($close, -1)"], "looks 1 bars ahead"),
        (&["--expr", "a=Mean($close"], "a is not a valid expression"),
        (&["--set", "alpha159"], "alpha158"),
        (&["--expr", "a=$close", "--horizons", "0"], "horizons[0]"),
        (&["--expr", "a=$close", "--price", "bid"], "price: the data has no field bid"),
        (&["--expr", "a=$close", "--universe", "big=NOBODY"], "no instrument NOBODY"),
    ];
    for (args, expected) in cases {
        let refused = evaluate(&data, &out, args);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert!(!out.exists());
}
