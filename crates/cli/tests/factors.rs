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
