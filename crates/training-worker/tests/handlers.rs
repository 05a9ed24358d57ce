//! The handlers in a child process, spoken to in frames as a supervisor does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_domain::{ArtifactKind, CachedFeature, LeaseId};
use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, HorizonEffectiveness, Members, NamedExpr,
    NamedUniverse, evaluate,
};
use alphafleet_market::{Adjustment, Panel, SyntheticMarket, adjust, complete_columns};
use alphafleet_worker::child::{Assignment, Completed, Inputs, Stop};
use alphafleet_worker::frame::{FromChild, ToChild};
use child::{Running, assignment, completed, computing, keep, storage_url, stored, table};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

/// Not a test: what the other tests start as their child process.
#[test]
#[ignore = "the child process of the other tests"]
fn child_process() {
    child::serve_if_child();
}

fn probe(steps: Value, scratch: &Path) -> Assignment {
    assignment(JobKind::Probe, json!({ "steps": steps }), scratch)
}

fn market() -> Panel {
    let market = SyntheticMarket { instruments: 30, bars: 300, ..SyntheticMarket::default() };
    market.generate().unwrap()
}

/// Stores a small market and gives the assignment to train on it.
fn training(model: Value, folder: &Path) -> Assignment {
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    let spec = json!({
        "dataset": "market",
        "features": {"expressions": ["$close/Ref($close, 5)", "Std($close, 10)/$close"]},
        "model": model,
        "checkpoint_every_rounds": 0,
    });
    let inputs = Inputs { dataset: Some(stored(market(), folder)), ..Inputs::default() };
    Assignment {
        storage_url: storage_url(folder),
        inputs: serde_json::to_value(inputs).unwrap(),
        ..assignment(JobKind::Training, spec, &scratch)
    }
}

fn model() -> Value {
    json!({"type": "lightgbm", "rounds": 40, "num_leaves": 7, "early_stopping_rounds": 0})
}

fn sha256(frames: &[FromChild]) -> String {
    match frames.last() {
        Some(FromChild::Completed { completed, .. }) => {
            completed.model.as_ref().unwrap().sha256.clone()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_training_job_tells_all_and_hands_its_files_over() {
    let folder = tempfile::tempdir().unwrap();
    let assignment = training(model(), folder.path());
    let mut child = Running::start();
    let frames = child.serve(&assignment, |_| None);
    let Some(FromChild::Completed { completed, .. }) = frames.last() else { panic!("{frames:?}") };
    let kinds: Vec<ArtifactKind> = completed.files.iter().map(|file| file.kind).collect();
    for kind in [
        ArtifactKind::Model,
        ArtifactKind::Predictions,
        ArtifactKind::ReportJson,
        ArtifactKind::ReportHtml,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} in {kinds:?}");
    }
    assert!(completed.files.iter().all(|file| file.path.is_file()));
    assert_eq!(completed.result["model"]["rounds"], 40);
    let version = completed.result["dataset"]["version"].as_str().unwrap().to_owned();
    assert_eq!(version, assignment.dataset().unwrap().version.to_string());

    let (mut stages, mut rounds) = (Vec::new(), Vec::new());
    for frame in &frames {
        match frame {
            FromChild::Progress { progress, .. } if stages.last() != Some(&progress.stage) => {
                stages.push(progress.stage.clone());
            }
            FromChild::Metrics { points, .. } => {
                rounds.extend(points.iter().filter(|p| p.name == "valid_l2").map(|p| p.step));
            }
            _ => {}
        }
    }
    assert_eq!(stages, ["preparing", "configuring", "training", "evaluating", "completed"]);
    assert_eq!(rounds, (1..=40).collect::<Vec<u64>>());
    assert!(child.end().success());
}

/// Stops when round 10 is told of, and gives what the child hands over.
fn stopped(child: &mut Running, assignment: &Assignment, reason: Stop) -> Vec<FromChild> {
    let lease = assignment.lease;
    child.serve(assignment, |frame| match frame {
        FromChild::Metrics { points, .. } if points.iter().any(|point| point.step == 10) => {
            Some(ToChild::Stop { lease, reason })
        }
        _ => None,
    })
}

fn checkpoint(frames: &[FromChild]) -> Option<PathBuf> {
    frames.iter().rev().find_map(|frame| match frame {
        FromChild::Checkpoint { path, .. } => Some(path.clone()),
        _ => None,
    })
}

#[test]
fn a_drained_job_goes_on_from_its_checkpoint_to_the_same_model() {
    let folder = tempfile::tempdir().unwrap();
    let model = json!({
        "type": "lightgbm", "rounds": 3000, "num_leaves": 7, "early_stopping_rounds": 0,
    });
    let mut first = training(model, folder.path());
    let mut child = Running::start();
    let frames = stopped(&mut child, &first, Stop::Drain);
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })), "{:?}", frames.last());
    let checkpoint = checkpoint(&frames).expect("a checkpoint");
    // Short enough to be done: the number of rounds does not change the trees.
    first.spec["model"]["rounds"] = json!(200);
    let second = Assignment {
        attempt: 2,
        lease: LeaseId::new(),
        checkpoint: Some(checkpoint),
        ..first.clone()
    };
    let resumed = child.serve(&second, |_| None);
    let whole = child.serve(&Assignment { lease: LeaseId::new(), ..first }, |_| None);
    assert_eq!(sha256(&resumed), sha256(&whole));
    let frames = |frames: &[FromChild]| frames.len();
    assert!(frames(&resumed) < frames(&whole), "it did not go on but began anew");
}

#[test]
fn a_cancelled_job_stops_at_once_without_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let model = json!({"type": "lightgbm", "rounds": 100_000, "early_stopping_rounds": 0});
    let assignment = training(model, folder.path());
    let mut child = Running::start();
    let frames = stopped(&mut child, &assignment, Stop::Cancel);
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })));
    assert_eq!(checkpoint(&frames), None);
}

#[test]
fn what_is_wrong_is_said_with_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let good = training(model(), folder.path());
    let bad_spec = Assignment { spec: json!({"dataset": ""}), ..good.clone() };
    let mut tampered = good.clone();
    tampered.inputs["dataset"]["manifest_sha256"] = json!("00");
    let mut unknown = good.clone();
    unknown.spec["features"] = json!({"expressions": ["$wage"]});
    let no_dataset = Assignment { inputs: Value::Null, ..good.clone() };
    let lost = Assignment {
        storage_url: format!("file://{}", folder.path().join("other").display()),
        ..good
    };
    let mut child = Running::start();
    let table = [
        (bad_spec, FailureCode::InvalidSpec, false),
        (tampered, FailureCode::InvalidData, false),
        (unknown, FailureCode::InvalidSpec, false),
        (no_dataset, FailureCode::InvalidSpec, false),
        (lost, FailureCode::HandlerError, true),
    ];
    for (assignment, code, retryable) in table {
        let frames = child.serve(&assignment, |_| None);
        let Some(FromChild::Failed { failure, .. }) = frames.last() else { panic!("{frames:?}") };
        assert_eq!((failure.code, failure.retryable), (code, retryable), "{}", failure.message);
    }
}

#[test]
fn a_probe_does_what_it_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let steps = json!([
        {"step": "echo", "value": {"a": 1}},
        {"step": "sleep", "sleep_ms": 1},
        {"step": "allocate", "allocate_bytes": 40_000_000},
        {"step": "emit_metrics", "name": "m", "count": 2500},
        {"step": "write_artifact", "name": "a.bin", "bytes": 70_000},
    ]);
    let mut child = Running::start();
    let frames = child.serve(&probe(steps, scratch.path()), |_| None);
    let Some(FromChild::Completed { completed, .. }) = frames.last() else { panic!("{frames:?}") };
    assert_eq!(completed.result, json!({"a": 1}));
    let written = std::fs::read(&completed.files[0].path).unwrap();
    assert_eq!((written.len(), written[300]), (70_000, 300u32 as u8));
    let points = frames.iter().map(|frame| match frame {
        FromChild::Metrics { points, .. } => points.len(),
        _ => 0,
    });
    assert_eq!(points.sum::<usize>(), 2500);

    for retryable in [true, false] {
        let steps = json!([{"step": "fail", "message": "no", "retryable": retryable}]);
        let frames = child.serve(&probe(steps, scratch.path()), |_| None);
        let Some(FromChild::Failed { failure, .. }) = frames.last() else { panic!("{frames:?}") };
        assert_eq!((failure.message.as_str(), failure.retryable), ("no", retryable));
    }

    let sleeper = probe(json!([{"step": "sleep", "sleep_ms": 3_600_000}]), scratch.path());
    let lease = sleeper.lease;
    let frames = child.serve(&sleeper, |frame| match frame {
        FromChild::Progress { .. } => Some(ToChild::Stop { lease, reason: Stop::Cancel }),
        _ => None,
    });
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })));
}

#[test]
fn a_probe_dies_as_it_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let table = [
        (json!({"exit_code": 7}), Some(7), None),
        (json!({"signal": 9}), None, Some(9)),
        (json!("panic"), Some(101), None),
    ];
    for (how, code, signal) in table {
        let mut child = Running::start();
        let steps = json!([{"step": "crash", "how": how}]);
        let frames = child.serve(&probe(steps, scratch.path()), |_| None);
        let said = frames.iter().any(|frame| matches!(frame, FromChild::Failed { .. }));
        assert_eq!(said, how == "panic", "{frames:?}");
        let status = child.died();
        assert_eq!((status.code(), status.signal()), (code, signal), "{how}");
    }
}

/// The assignment to compute features on the small market.
fn computation(features: Value, columns: &[&str], folder: &Path) -> Assignment {
    computing(features, columns, stored(market(), folder), folder)
}

fn with_ready(assignment: &Assignment, ready: Vec<CachedFeature>) -> Assignment {
    let mut inputs = assignment.typed_inputs().unwrap();
    inputs.features.as_mut().unwrap().ready = ready;
    Assignment { inputs: serde_json::to_value(inputs).unwrap(), ..assignment.clone() }
}

#[test]
fn stored_columns_are_read_and_broken_ones_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let features = json!({ "expressions": [
        { "name": "a", "expression": "$close/Ref($close, 5)" },
        { "name": "b", "expression": "Std($close, 10)/$close" },
    ]});
    let first = computation(features, &["a", "b"], folder.path());
    let mut child = Running::start();
    let computed = completed(&child.serve(&first, |_| None));
    assert_eq!((&computed.result["computed"], &computed.result["cached"]), (&json!(2), &json!(0)));
    assert_eq!(computed.result["features"], json!(["a", "b"]));
    assert_eq!(computed.result["rows"], market().rows());
    let expected = table(&computed);
    let ready = keep(&first, &computed.features);

    let read = completed(&child.serve(&with_ready(&first, ready.clone()), |_| None));
    assert_eq!((&read.result["computed"], &read.result["cached"]), (&json!(0), &json!(2)));
    assert!(read.features.is_empty());
    assert_eq!(table(&read), expected);

    let storage = first.storage_url.strip_prefix("file://").unwrap();
    let file = Path::new(storage).join(&ready[0].object_key);
    std::fs::write(&file, b"no Parquet at all").unwrap();
    let repaired = completed(&child.serve(&with_ready(&first, ready.clone()), |_| None));
    assert_eq!((&repaired.result["computed"], &repaired.result["cached"]), (&json!(1), &json!(1)));
    assert_eq!(repaired.features[0].key, ready[0].key);
    assert_eq!(table(&repaired), expected);
    assert_eq!(keep(&first, &repaired.features), ready[..1]);
    assert!(child.end().success());
}

#[test]
fn a_feature_that_cannot_be_computed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Running::start();
    for (expression, code, word) in [
        ("$earnings/$close", FailureCode::InvalidSpec, "earnings"),
        ("Ref($close, 100000)", FailureCode::InvalidSpec, "empty_feature"),
    ] {
        let features = json!({ "expressions": [{ "name": "own", "expression": expression }] });
        let frames = child.serve(&computation(features, &["own"], folder.path()), |_| None);
        let Some(FromChild::Failed { failure, .. }) = frames.last() else { panic!("{frames:?}") };
        assert_eq!((failure.code, failure.retryable), (code, false), "{}", failure.message);
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[test]
fn a_cancelled_computation_stops() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> =
        alphafleet_factors::alpha158_sources().into_iter().map(|(name, _)| name).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let assignment = computation(json!({ "set": "alpha158" }), &names, folder.path());
    let mut child = Running::start();
    let lease = assignment.lease;
    let frames = child.serve(&assignment, |frame| match frame {
        FromChild::Progress { progress, .. } if progress.stage == "computing" => {
            Some(ToChild::Stop { lease, reason: Stop::Cancel })
        }
        _ => None,
    });
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })), "{:?}", frames.last());
}

/// The assignment to evaluate features on the small market.
fn evaluation(spec: Value, folder: &Path) -> Assignment {
    let mut document = json!({ "dataset": "market" });
    document.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    Assignment { kind: JobKind::FactorEvaluation, spec: document, ..training(model(), folder) }
}

/// What [`evaluate`] says of the same market, without a job.
fn judged(factors: &[NamedExpr], options: &EffectivenessOptions) -> EffectivenessReport {
    let (panel, _) = complete_columns(market()).unwrap();
    let (panel, _) = adjust(panel, Adjustment::Backward).unwrap();
    evaluate(&panel, factors, options, 1).unwrap()
}

fn left(completed: &Completed, name: &str) -> Vec<u8> {
    let file = completed.files.iter().find(|file| file.name == name);
    std::fs::read(&file.unwrap_or_else(|| panic!("no {name}")).path).unwrap()
}

#[test]
fn an_evaluation_says_what_a_direct_call_does() {
    let folder = tempfile::tempdir().unwrap();
    let instruments = json!(["SYN00001", "SYN00002", "SYN00003"]);
    let assignment = evaluation(
        json!({
            "features": {
                "set": "alpha158",
                "expressions": [{ "name": "own", "expression": "Ref($close, 5)/$close" }],
            },
            "horizons": [5, 1], "quantiles": 3,
            "universes": [{ "name": "three", "members": { "instruments": instruments } }],
        }),
        folder.path(),
    );
    let mut child = Running::start();
    let frames = child.serve(&assignment, |_| None);
    let completed = completed(&frames);

    let mut factors = alphafleet_factors::alpha158().unwrap();
    factors.push(NamedExpr::parse("own", "Ref($close, 5)/$close").unwrap());
    let members = Members::Instruments(serde_json::from_value(instruments).unwrap());
    let mut options = EffectivenessOptions {
        horizons: vec![5, 1],
        quantiles: 3,
        universes: vec![NamedUniverse { name: "three".to_owned(), members }],
        ..EffectivenessOptions::default()
    };
    let expected = judged(&factors, &options);
    let json = serde_json::to_vec(&expected).unwrap();
    assert!(left(&completed, "effectiveness.json") == json, "the report differs");
    let page = String::from_utf8(left(&completed, "effectiveness.html")).unwrap();
    assert_eq!(page, alphafleet_models::effectiveness_html(&expected, "market"));

    let result = &completed.result;
    assert_eq!(result["factors"], 159);
    let best = expected.by_rank_icir();
    let names: Vec<&str> = best.iter().take(10).map(|factor| factor.name.as_str()).collect();
    let found: Vec<&str> =
        result["best"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(found, names);
    assert_eq!(result["best"][0]["rank_icir"], json!(best[0].horizons[0].rank_ic.icir));

    // One point a factor, of its mean over the primary horizon.
    let points = frames.iter().filter_map(|frame| match frame {
        FromChild::Metrics { points, .. } => Some(points.clone()),
        _ => None,
    });
    let points: Vec<_> = points.flatten().filter(|point| point.name == "rank_ic").collect();
    let told: Vec<_> = points.iter().map(|point| (point.step, Some(point.value))).collect();
    let means = expected.factors.iter().map(|factor| factor.horizons[0].rank_ic.mean);
    assert_eq!(told, (1..).zip(means).filter(|(_, mean)| mean.is_some()).collect::<Vec<_>>());

    options.bar_series = true;
    let with_series = judged(&factors, &options);
    let bars: usize =
        with_series.factors.iter().flat_map(|factor| &factor.horizons).map(known).sum();
    let ics = completed.files.iter().find(|file| file.name == "ic.parquet").unwrap();
    let ics = std::fs::File::open(&ics.path).unwrap();
    let ics = ParquetRecordBatchReaderBuilder::try_new(ics).unwrap();
    assert_eq!(ics.metadata().file_metadata().num_rows() as usize, bars);
    assert!(child.end().success());
}

/// Bars with an IC.
fn known(horizon: &HorizonEffectiveness) -> usize {
    horizon.series.as_ref().unwrap().rank_ic.iter().flatten().count()
}

#[test]
fn an_evaluation_that_cannot_be_is_an_error_that_names_the_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let own =
        |expression: &str| json!({ "expressions": [{ "name": "own", "expression": expression }] });
    let mut child = Running::start();
    for (spec, word) in [
        (json!({ "features": own("$earnings/$close") }), "earnings"),
        (json!({ "features": own("Ref($close, 100000)") }), "empty_feature"),
        (json!({ "features": own("$close"), "horizons": [400] }), "horizons[0]"),
        (json!({ "features": own("$close"), "price": "bid" }), "price"),
        (json!({ "features": own("$close"), "group_field": "sector" }), "group_field"),
        (json!({ "features": own("$close"), "universe": { "include": ["NONE"] } }), "universe"),
    ] {
        let frames = child.serve(&evaluation(spec, folder.path()), |_| None);
        let Some(FromChild::Failed { failure, .. }) = frames.last() else { panic!("{frames:?}") };
        assert_eq!((failure.code, failure.retryable), (FailureCode::InvalidSpec, false));
        assert!(failure.message.contains(word), "{}", failure.message);
    }
    // Of a set, what reads fields that the data lack is left out, and said so.
    let set =
        evaluation(json!({ "features": { "set": "alpha101" }, "series": false }), folder.path());
    let completed = completed(&child.serve(&set, |_| None));
    let factors = completed.result["factors"].as_u64().unwrap();
    assert!((1..101).contains(&factors), "{factors}");
    let findings = completed.result["findings"].as_array().unwrap();
    assert!(findings.iter().any(|found| found["code"] == "features_left_out"), "{findings:?}");
    assert!(completed.files.iter().all(|file| file.name != "ic.parquet"));
}

#[test]
fn a_cancelled_evaluation_stops() {
    let folder = tempfile::tempdir().unwrap();
    let assignment = evaluation(json!({ "features": { "set": "alpha158" } }), folder.path());
    let mut child = Running::start();
    let lease = assignment.lease;
    let frames = child.serve(&assignment, |frame| match frame {
        FromChild::Progress { progress, .. } if progress.stage == "evaluating" => {
            Some(ToChild::Stop { lease, reason: Stop::Cancel })
        }
        _ => None,
    });
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })), "{:?}", frames.last());
}
