//! Real daily bars, with the null rows, doubled rows, bad bars and zero volumes they have.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::Path;

use alphafleet_datasets::{ImportOptions, import_files};
use serde_json::json;
use support::{Record, metric, train};

#[test]
fn a_linear_model_copes_with_real_bars() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sp500_2013_2017.parquet");
    if !file.is_file() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", file.display());
        eprintln!("skipped: {} is missing", file.display());
        return;
    }
    let import = import_files(&[file], &ImportOptions::default()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let document = json!({"dataset": "sp500", "threads": 1, "model": {"type": "linear"}});
    let record = Record::default();
    let trained = train(&document, import, scratch.path(), None, &record).unwrap();
    eprintln!("{}", trained.summary["metrics"]);
    let findings = trained.summary["findings"].to_string();
    for code in ["null_rows", "zero_volume", "label_purged"] {
        assert!(findings.contains(code), "{code} in {findings}");
    }
    assert_eq!(trained.summary["model"]["features"], 158);
    let days = 250.0_f64;
    assert!(metric(&trained, "ic").abs() < 0.1 && metric(&trained, "icir") * days.sqrt() < 10.0);
    assert!((0.4..0.6).contains(&metric(&trained, "accuracy")));
}
