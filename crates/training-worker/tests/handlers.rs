//! The handlers in a child process, spoken to in frames as a supervisor does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use alphafleet_datasets::{Import, NewVersion, open_store, store_version};
use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_domain::{
    ArtifactKind, CachedFeature, DatasetId, DatasetVersionId, FeatureKey, JobId, LeaseId,
};
use alphafleet_market::{Panel, SyntheticMarket};
use alphafleet_training_worker::{FeatureHandler, ProbeHandler, TrainingHandler};
use alphafleet_worker::child::{
    Assignment, ColumnKey, Completed, DatasetInput, FeatureFile, FeatureInput, Inputs, Stop,
};
use alphafleet_worker::frame::{FromChild, ToChild};
use chrono::Utc;
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(120);
const CHILD: &str = "ALPHAFLEET_TEST_CHILD";

/// Not a test: what the other tests start as their child process.
#[test]
#[ignore = "the child process of the other tests"]
fn child_process() {
    if std::env::var_os(CHILD).is_some() {
        alphafleet_worker::child::main(&[&TrainingHandler, &FeatureHandler, &ProbeHandler]);
        std::process::exit(0);
    }
}

struct Running {
    child: Child,
    input: ChildStdin,
    frames: Receiver<FromChild>,
}

impl Running {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_process", "--exact", "--ignored", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            // Before the child takes the pipe over, the test harness writes lines to it.
            let frames = output.lines().map_while(Result::ok);
            for frame in frames.filter_map(|line| serde_json::from_str(&line).ok()) {
                if sender.send(frame).is_err() {
                    return;
                }
            }
        });
        let running = Self { child, input, frames };
        assert!(matches!(running.next(), Some(FromChild::Ready { .. })));
        running
    }

    fn send(&mut self, frame: &ToChild) {
        let mut line = serde_json::to_vec(frame).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).unwrap();
        self.input.flush().unwrap();
    }

    /// The next frame; none when the child is gone.
    fn next(&self) -> Option<FromChild> {
        match self.frames.recv_timeout(DEADLINE) {
            Ok(frame) => Some(frame),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(timeout) => panic!("no frame: {timeout}"),
        }
    }

    /// All frames of an assignment up to its last one; `each` may answer.
    fn serve(
        &mut self,
        assignment: &Assignment,
        mut each: impl FnMut(&FromChild) -> Option<ToChild>,
    ) -> Vec<FromChild> {
        self.send(&ToChild::Assign(Box::new(assignment.clone())));
        let mut frames = Vec::new();
        while let Some(frame) = self.next() {
            if let Some(answer) = each(&frame) {
                self.send(&answer);
            }
            let last = matches!(
                frame,
                FromChild::Completed { .. } | FromChild::Failed { .. } | FromChild::Stopped { .. }
            );
            frames.push(frame);
            if last {
                break;
            }
        }
        frames
    }

    /// Ends the child by ending its input.
    fn end(self) -> std::process::ExitStatus {
        let Self { child, input, .. } = self;
        drop(input);
        wait(child)
    }

    /// Waits for a child that ends by itself.
    fn died(self) -> std::process::ExitStatus {
        wait(self.child)
    }
}

fn wait(mut child: Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < DEADLINE, "the child does not end");
        std::thread::yield_now();
    }
}

fn assignment(kind: JobKind, spec: Value, scratch: &Path) -> Assignment {
    Assignment {
        job: JobId::new(),
        attempt: 1,
        lease: LeaseId::new(),
        kind,
        spec,
        scratch: scratch.to_owned(),
        storage_url: "file:///nowhere".to_owned(),
        inputs: Value::Null,
        checkpoint: None,
        threads: 1,
        out_of_memory: 0,
    }
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
    let panel = market();
    let url = format!("file://{}", folder.join("storage").display());
    let import =
        Import { rows: panel.rows() as u64, panel, findings: Vec::new(), sources: Vec::new() };
    let new = NewVersion {
        dataset_id: uuid::Uuid::now_v7(),
        version_id: uuid::Uuid::now_v7(),
        dataset_name: "market".to_owned(),
        parent: None,
        created_at: Utc::now(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = open_store(&url).unwrap();
    let stored = runtime.block_on(store_version(&store, &new, &import)).unwrap();
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    let spec = json!({
        "dataset": "market",
        "features": {"expressions": ["$close/Ref($close, 5)", "Std($close, 10)/$close"]},
        "model": model,
        "checkpoint_every_rounds": 0,
    });
    let inputs = Inputs {
        dataset: Some(DatasetInput {
            version: DatasetVersionId::from_uuid(new.version_id),
            dataset: DatasetId::from_uuid(new.dataset_id),
            manifest_key: stored.manifest_key.to_string(),
            manifest_sha256: stored.manifest_sha256,
        }),
        ..Inputs::default()
    };
    Assignment {
        storage_url: url,
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
    let training = training(model(), folder);
    let column = |name: &&str| ColumnKey {
        name: (*name).to_owned(),
        key: FeatureKey(format!("key-of-{name}")),
    };
    let columns = columns.iter().map(column).collect();
    let features_input = FeatureInput { columns, ready: Vec::new() };
    let dataset = Some(training.dataset().unwrap());
    let inputs = Inputs { dataset, features: Some(features_input), ..Inputs::default() };
    let spec = json!({ "dataset": "market", "features": features });
    Assignment {
        kind: JobKind::FeatureComputation,
        spec,
        inputs: serde_json::to_value(inputs).unwrap(),
        ..training
    }
}

fn completed(frames: &[FromChild]) -> Completed {
    match frames.last() {
        Some(FromChild::Completed { completed, .. }) => completed.clone(),
        other => panic!("{other:?}"),
    }
}

/// Puts what a computation hands over where its supervisor would.
fn keep(assignment: &Assignment, files: &[FeatureFile]) -> Vec<CachedFeature> {
    let folder = PathBuf::from(assignment.storage_url.strip_prefix("file://").unwrap());
    std::fs::create_dir_all(folder.join("features")).unwrap();
    let keep = |file: &FeatureFile| {
        let object_key = format!("features/{}.parquet", file.key.0);
        let bytes = std::fs::read(&file.path).unwrap();
        std::fs::write(folder.join(&object_key), &bytes).unwrap();
        let sha256 = alphafleet_datasets::sha256_hex(&bytes);
        CachedFeature { key: file.key.clone(), object_key, bytes: bytes.len() as u64, sha256 }
    };
    files.iter().map(keep).collect()
}

fn with_ready(assignment: &Assignment, ready: Vec<CachedFeature>) -> Assignment {
    let mut inputs = assignment.typed_inputs().unwrap();
    inputs.features.as_mut().unwrap().ready = ready;
    Assignment { inputs: serde_json::to_value(inputs).unwrap(), ..assignment.clone() }
}

fn table(completed: &Completed) -> Vec<u8> {
    let file = completed.files.iter().find(|file| file.name == "features.parquet").unwrap();
    std::fs::read(&file.path).unwrap()
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
