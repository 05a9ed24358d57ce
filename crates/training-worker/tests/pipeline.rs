#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_models::ModelFile;
use alphafleet_training_worker::{Blame, Stop, TrainError};
use serde_json::{Value, json};
use support::{Record, bytes, metric, train};

fn market(signal: f64, seed: u64) -> Panel {
    SyntheticMarket { instruments: 60, bars: 500, seed, signal, ..SyntheticMarket::default() }
        .generate()
        .unwrap()
}

/// A handful of features, among them one that sees the planted signal's pattern.
fn document(model: Value) -> Value {
    json!({
        "dataset": "market", "threads": 1,
        "features": {"expressions": [
            {"name": "ROC5", "expression": "Ref($close, 5)/$close"},
            {"name": "MA10", "expression": "Mean($close, 10)/$close"},
            {"name": "STD10", "expression": "Std($close, 10)/$close"},
            {"name": "VMA5", "expression": "Mean($volume, 5)/($volume+1e-12)"},
            {"name": "CORR10", "expression": "Corr($close, Log($volume+1), 10)"},
            {"name": "RSV10", "expression":
                "($close-Min($low, 10))/(Max($high, 10)-Min($low, 10)+1e-12)"},
        ]},
        "model": model,
    })
}

fn small() -> Value {
    json!({"type": "lightgbm", "rounds": 30, "num_leaves": 15, "early_stopping_rounds": 0})
}

#[test]
fn a_run_tells_every_stage_and_round_and_leaves_its_files() {
    let scratch = tempfile::tempdir().unwrap();
    let record = Record::default();
    let mut document = document(small());
    document["outputs"] = json!({"features": true});
    document["checkpoint_every_rounds"] = json!(10);
    let trained = train(&document, market(0.1, 1), scratch.path(), None, &record).unwrap();

    let stages = record.stages.borrow().clone();
    let expected = [
        ("preparing", 10.0),
        ("configuring", 20.0),
        ("training", 30.0),
        ("evaluating", 90.0),
        ("completed", 100.0),
    ];
    assert_eq!(stages, expected);
    let rounds: Vec<u32> = record.rounds.borrow().iter().map(|(round, _)| *round).collect();
    assert_eq!(rounds, (1..=30).collect::<Vec<_>>());
    assert_eq!(record.percents.borrow().last(), Some(&90.0));
    for name in [
        "train_l2",
        "valid_l2",
        "train_accuracy",
        "valid_accuracy",
        "valid_ic",
        "valid_rank_ic",
        "learning_rate",
        "rows_per_s",
    ] {
        assert_eq!(record.series(name).len(), 30, "{name}");
    }
    let losses = record.series("train_l2");
    assert!(losses[29] < losses[0]);
    assert_eq!(record.checkpoints.borrow().len(), 2);

    let names: Vec<&str> = trained.files.iter().map(|file| file.name.as_str()).collect();
    for name in
        ["model.afm", "predictions.parquet", "report.json", "report.html", "features.parquet"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let model = ModelFile::from_bytes(&bytes(&trained, "model.afm")).unwrap();
    assert_eq!(model.features.len(), 6);
    assert_eq!(trained.summary["model"]["type"], "lightgbm");
    assert_eq!(trained.summary["model"]["rounds"], 30);
    assert_eq!(trained.summary["model"]["sha256"], json!(trained.model.sha256));
    assert_eq!(trained.summary["dataset"]["instruments"], 60);
    let report: Value = serde_json::from_slice(&bytes(&trained, "report.json")).unwrap();
    assert_eq!(report["configuration"]["model"]["rounds"], 30);
    let findings = trained.summary["findings"].to_string();
    assert!(findings.contains("label_purged"), "{findings}");
}

#[test]
fn a_planted_signal_is_found_by_both_models() {
    let market = SyntheticMarket {
        instruments: 80,
        bars: 700,
        signal: 0.2,
        seed: 3,
        ..SyntheticMarket::default()
    };
    for model in
        [json!({"type": "lightgbm", "rounds": 100, "num_leaves": 31}), json!({"type": "linear"})]
    {
        let scratch = tempfile::tempdir().unwrap();
        let document = json!({"dataset": "market", "threads": 1, "model": model});
        let record = Record::default();
        let panel = market.generate().unwrap();
        let trained = train(&document, panel, scratch.path(), None, &record).unwrap();
        let (ic, icir) = (metric(&trained, "ic"), metric(&trained, "icir"));
        eprintln!("{model}: IC {ic:.4}, ICIR {icir:.3}");
        assert!(ic > 0.05, "{model}: IC {ic}");
        assert!(!record.series("valid_ic").is_empty());
    }
}

/// Two standard errors of the mean IC: ICIR · √days is its t-value.
fn within_noise(trained: &alphafleet_training_worker::Trained) -> (f64, f64) {
    let report: Value = serde_json::from_slice(&bytes(trained, "report.json")).unwrap();
    let days = report["ic_series"].as_array().unwrap().len() as f64;
    let icir = metric(trained, "icir");
    (metric(trained, "ic"), icir.abs() * days.sqrt())
}

#[test]
fn no_signal_gives_no_ic() {
    let market = |signal| SyntheticMarket {
        instruments: 80,
        bars: 700,
        signal,
        seed: 5,
        ..SyntheticMarket::default()
    };
    let model = json!({"type": "lightgbm", "rounds": 60, "num_leaves": 31});
    // Shuffled labels: the signal is there, but each label is one of another day and instrument.
    let cases = [("signal-free", market(0.0), None), ("shuffled", market(0.2), Some("$noise"))];
    for (name, market, label) in cases {
        let panel = market.generate().unwrap();
        let panel = if label.is_some() { shuffled(panel) } else { panel };
        let mut document = json!({"dataset": "market", "threads": 1, "model": model});
        if let Some(label) = label {
            document["label"] = json!(label);
        }
        let scratch = tempfile::tempdir().unwrap();
        let trained = train(&document, panel, scratch.path(), None, &Record::default()).unwrap();
        let (ic, t) = within_noise(&trained);
        eprintln!("{name}: IC {ic:.5}, t {t:.2}");
        assert!(t <= 2.0, "{name}: IC {ic} is {t} standard errors from 0");
    }
}

/// The default label under the name `noise`, dealt out anew over all cells that have one.
fn shuffled(panel: Panel) -> Panel {
    let close = panel.field("close").unwrap();
    let bars = panel.calendar().len();
    let mut label = vec![f64::NAN; close.len()];
    for (cell, label) in label.iter_mut().enumerate() {
        if cell % bars + 2 < bars {
            *label = close[cell + 2] / close[cell + 1] - 1.0;
        }
    }
    let cells: Vec<usize> = (0..label.len()).filter(|&cell| label[cell].is_finite()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..cells.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let other = ((state >> 33) % (at as u64 + 1)) as usize;
        label.swap(cells[at], cells[other]);
    }
    panel.with_field("noise", label).unwrap()
}

#[test]
fn the_same_run_gives_the_same_bytes_even_when_interrupted() {
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let document = document(json!({"type": "lightgbm", "rounds": 24, "num_leaves": 15}));
    let whole: Vec<_> = folders[..2]
        .iter()
        .map(|folder| {
            train(&document, market(0.1, 1), folder.path(), None, &Record::default()).unwrap()
        })
        .collect();
    assert_eq!(whole[0].model.sha256, whole[1].model.sha256);
    let predictions = |trained| bytes(trained, "predictions.parquet");
    assert_eq!(predictions(&whole[0]), predictions(&whole[1]));

    let record = Record::stopping(13, Stop::Checkpoint);
    let stopped = train(&document, market(0.1, 1), folders[2].path(), None, &record).unwrap_err();
    assert!(matches!(stopped, TrainError::Stopped));
    let checkpoint = record.checkpoints.borrow().last().unwrap().clone();
    let record = Record::default();
    let resumed =
        train(&document, market(0.1, 1), folders[3].path(), Some(&checkpoint), &record).unwrap();
    assert_eq!(record.warnings.borrow().as_slice(), [] as [String; 0]);
    let first = record.rounds.borrow()[0].0;
    assert!(first > 1 && first <= 14, "went on in round {first}");
    assert_eq!(resumed.model.sha256, whole[0].model.sha256);
    assert_eq!(predictions(&resumed), predictions(&whole[0]));
}

#[test]
fn a_cancelled_run_leaves_no_checkpoint_and_a_foreign_one_starts_over() {
    let scratch = tempfile::tempdir().unwrap();
    let record = Record::stopping(5, Stop::Abandon);
    let cancelled =
        train(&document(small()), market(0.1, 1), scratch.path(), None, &record).unwrap_err();
    assert!(matches!(cancelled, TrainError::Stopped));
    assert_eq!(record.rounds.borrow().len(), 5);
    assert!(record.checkpoints.borrow().is_empty());

    let record = Record::stopping(10, Stop::Checkpoint);
    let _ = train(&document(small()), market(0.1, 1), scratch.path(), None, &record).unwrap_err();
    let foreign = record.checkpoints.borrow()[0].clone();
    let broken = scratch.path().join("broken.json");
    std::fs::write(&broken, b"{").unwrap();
    for checkpoint in [foreign, broken] {
        let record = Record::default();
        let other = market(0.1, 2);
        train(&document(small()), other, scratch.path(), Some(&checkpoint), &record).unwrap();
        assert_eq!(record.rounds.borrow()[0].0, 1);
        assert!(record.warnings.borrow()[0].contains("starting over"));
    }
}

#[test]
fn faults_of_data_and_specification_are_told_apart() {
    let with = |patch: Value| {
        let mut document = document(small());
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        document
    };
    let dates = |year: u32| json!([format!("{year}-01-01"), format!("{year}-12-31")]);
    let table = [
        (
            with(json!({"features": {"expressions": ["$close", "$wage"]}})),
            "unknown_field",
            Blame::Specification,
        ),
        (
            with(json!({"features": {"expressions": ["$close", "Log(0-$close)"]}})),
            "empty_feature",
            Blame::Specification,
        ),
        (
            with(json!({"segments": {
                "train": dates(1999), "valid": dates(2000), "test": dates(2017)}})),
            "segment_empty",
            Blame::Specification,
        ),
        (
            with(json!({"universe": {"include": ["NOBODY"]}})),
            "empty_universe",
            Blame::Specification,
        ),
        (with(json!({"label": "Log(0-$close)"})), "too_few_rows", Blame::Data),
        (
            with(json!({"model": {"type": "linear"}, "processors": {"infer": []}})),
            "feature_missing_values",
            Blame::Specification,
        ),
    ];
    for (document, code, blame) in table {
        let scratch = tempfile::tempdir().unwrap();
        let failed = train(&document, market(0.1, 1), scratch.path(), None, &Record::default());
        let error = failed.unwrap_err();
        assert_eq!((error.code(), error.blame()), (code, blame), "{}", error.explain());
        assert!(!error.retryable());
    }
}

#[test]
fn missing_columns_follow_their_rules() {
    let full = market(0.1, 1);
    let days = full.calendar().to_vec();
    let mut builder = PanelBuilder::new(["open", "high", "low", "close"]);
    let mut without_close = PanelBuilder::new(["open", "high", "low"]);
    for (index, instrument) in full.instruments().iter().enumerate() {
        for bar in full.listed(index).filter(|&bar| full.has_bar(index, bar)) {
            let values = ["open", "high", "low", "close"]
                .map(|field| full.series(field, index).unwrap()[bar]);
            let time = days[bar];
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
            without_close.push(PanelRow { instrument, time, values: &values[..3] }).unwrap();
        }
    }
    let scratch = tempfile::tempdir().unwrap();
    let document = json!({
        "dataset": "market", "threads": 1, "model": {"type": "lightgbm", "rounds": 3, "num_leaves": 7},
    });
    let record = Record::default();
    let panel = builder.build().unwrap();
    let trained = train(&document, panel, scratch.path(), None, &record).unwrap();
    let findings = trained.summary["findings"].to_string();
    for code in ["missing_column", "derived_column", "features_left_out", "no_adjustment_factor"] {
        assert!(findings.contains(code), "{code} in {findings}");
    }
    assert!(trained.summary["model"]["features"].as_u64().unwrap() < 158);

    let refused = without_close.build().unwrap();
    let error = train(&document, refused, scratch.path(), None, &record).unwrap_err();
    assert_eq!((error.code(), error.blame()), ("missing_column", Blame::Data));
}

#[test]
fn the_universe_chooses_instruments_and_leaves_indices_out() {
    let scratch = tempfile::tempdir().unwrap();
    let mut document = document(small());
    document["universe"] = json!({"exclude": ["SYN00001", "NOBODY"]});
    let bars = market(0.1, 1);
    let instruments = bars.instruments().len();
    let trained = train(&document, bars, scratch.path(), None, &Record::default()).unwrap();
    assert_eq!(trained.summary["dataset"]["instruments"], instruments - 1);
    let findings = trained.summary["findings"].to_string();
    assert!(findings.contains("unknown_instrument") && findings.contains("NOBODY"), "{findings}");
}

#[test]
fn only_members_are_learned_from_and_scored() {
    let panel = || {
        let bars = market(0.1, 1);
        let days = bars.calendar().len();
        let belongs =
            |cell: usize| f64::from(u8::from(!(cell / days + cell % days / 50).is_multiple_of(3)));
        let cells = bars.instruments().len() * days;
        bars.with_field("member", (0..cells).map(belongs).collect()).unwrap()
    };
    let mut document = document(small());
    document["outputs"] = json!({ "features": true });
    document["universe"] = json!({ "members": "$member" });
    let scratch = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let members = train(&document, panel(), scratch[0].path(), None, &Record::default()).unwrap();
    document["universe"] = json!({});
    let all = train(&document, panel(), scratch[1].path(), None, &Record::default()).unwrap();
    for segment in 0..3 {
        let rows = |trained: &alphafleet_training_worker::Trained| {
            trained.summary["segments"][segment]["rows"].as_u64().unwrap() as f64
        };
        let part = rows(&members) / rows(&all);
        assert!((0.6..0.72).contains(&part), "{part} of segment {segment}");
    }
    let dated = panel().with_members("member").unwrap();
    let read = |folder: usize, name: &str| {
        let path = scratch[folder].path().join(name);
        alphafleet_datasets::read_table(name, std::fs::read(path).unwrap()).unwrap()
    };
    let scores = read(0, "predictions.parquet");
    assert!(scores.times.len() > 500);
    for (instrument, time) in scores.instruments.iter().zip(&scores.times) {
        let at = dated.instruments().binary_search(instrument).unwrap();
        let bar = dated.calendar().binary_search(time).unwrap();
        assert!(dated.is_member(at, bar), "{instrument} at {time}");
    }
    // A member's features are those it has in any universe: windows reach back before it joined.
    let (own, every) = (read(0, "features.parquet"), read(1, "features.parquet"));
    assert!(own.times.len() < every.times.len());
    let keys = |table: &alphafleet_datasets::OwnedTable| {
        table.instruments.iter().cloned().zip(table.times.iter().copied()).collect::<Vec<_>>()
    };
    let places: std::collections::HashMap<_, _> =
        keys(&every).into_iter().enumerate().map(|(row, key)| (key, row)).collect();
    for (column, other) in own.columns.iter().zip(&every.columns) {
        let (found, expected) = (column.values.to_f64(), other.values.to_f64());
        for (row, key) in keys(&own).into_iter().enumerate() {
            let expected = expected[places[&key]];
            let same = found[row].to_bits() == expected.to_bits() || found[row] == expected;
            assert!(same || found[row].is_nan() && expected.is_nan(), "{} {key:?}", column.name);
        }
    }

    for (members, code) in [("nothing", "unknown_universe"), ("never", "empty_universe")] {
        document["universe"] = json!({ "members": members });
        let cells = panel().field("close").unwrap().len();
        let bars = panel().with_field("never", vec![0.0; cells]).unwrap();
        let error = train(&document, bars, scratch[0].path(), None, &Record::default());
        let error = error.unwrap_err();
        assert_eq!((error.code(), error.blame()), (code, Blame::Specification));
        assert!(error.explain().contains(&format!("${members}")), "{}", error.explain());
    }
}

#[test]
fn one_instrument_has_no_cross_section() {
    let panel = || {
        let market = SyntheticMarket { instruments: 1, bars: 400, ..SyntheticMarket::default() };
        market.generate().unwrap()
    };
    for model in [small(), json!({"type": "linear"})] {
        let scratch = tempfile::tempdir().unwrap();
        let mut document = document(model);
        let failed = train(&document, panel(), scratch.path(), None, &Record::default());
        let error = failed.unwrap_err();
        assert_eq!((error.code(), error.blame()), ("label_needs_cross_section", Blame::Data));
        let remedy = r#"processors.learn = ["dropna_label"]"#;
        assert!(error.explain().contains(remedy), "{}", error.explain());

        document["processors"] = json!({"learn": ["dropna_label"]});
        train(&document, panel(), scratch.path(), None, &Record::default()).unwrap();
    }
}

#[test]
fn forward_adjustment_of_own_expressions_is_a_warning() {
    let code = "forward_adjustment_looks_ahead";
    for (adjustment, warned) in [("forward", true), ("backward", false), ("none", false)] {
        let scratch = tempfile::tempdir().unwrap();
        let mut document = document(json!({"type": "linear"}));
        document["adjustment"] = json!(adjustment);
        let bars = market(0.1, 1);
        let trained = train(&document, bars, scratch.path(), None, &Record::default()).unwrap();
        let findings = trained.summary["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["code"] == code);
        assert_eq!(found.is_some(), warned, "{adjustment}");
        assert!(found.is_none_or(|found| found["severity"] == "warning"));
    }
}
