//! `alphafleet factors`, on files alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Output};

use alphafleet_datasets::write_panel;
use alphafleet_factors::EffectivenessReport;
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
