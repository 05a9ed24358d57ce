//! A child process that serves assignments, spoken to in frames as a supervisor does.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use alphafleet_datasets::{Import, NewVersion, open_store, store_version};
use alphafleet_domain::job::JobKind;
use alphafleet_domain::{
    CachedFeature, DatasetId, DatasetVersionId, FeatureKey, JobId, LeaseId, feature_state_key,
};
use alphafleet_market::Panel;
use alphafleet_training_worker::{
    EvaluationHandler, FeatureHandler, ProbeHandler, TrainingHandler,
};
use alphafleet_worker::child::{
    Assignment, ColumnKey, Completed, DatasetInput, FeatureFile, FeatureInput, Inputs,
};
use alphafleet_worker::frame::{FromChild, ToChild};
use chrono::Utc;
use serde_json::{Value, json};

pub const DEADLINE: Duration = Duration::from_secs(120);
pub const CHILD: &str = "ALPHAFLEET_TEST_CHILD";

/// Ends the process when it was started as a child; else does nothing.
pub fn serve_if_child() {
    if std::env::var_os(CHILD).is_some() {
        alphafleet_worker::child::main(&[
            &TrainingHandler,
            &FeatureHandler,
            &EvaluationHandler,
            &ProbeHandler,
        ]);
        std::process::exit(0);
    }
}

pub struct Running {
    child: Child,
    input: ChildStdin,
    frames: Receiver<FromChild>,
}

impl Running {
    pub fn start() -> Self {
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

    pub fn send(&mut self, frame: &ToChild) {
        let mut line = serde_json::to_vec(frame).unwrap();
        line.push(b'\n');
        self.input.write_all(&line).unwrap();
        self.input.flush().unwrap();
    }

    /// The next frame; none when the child is gone.
    pub fn next(&self) -> Option<FromChild> {
        match self.frames.recv_timeout(DEADLINE) {
            Ok(frame) => Some(frame),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(timeout) => panic!("no frame: {timeout}"),
        }
    }

    /// All frames of an assignment up to its last one; `each` may answer.
    pub fn serve(
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
    pub fn end(self) -> std::process::ExitStatus {
        let Self { child, input, .. } = self;
        drop(input);
        wait(child)
    }

    /// Waits for a child that ends by itself.
    pub fn died(self) -> std::process::ExitStatus {
        wait(self.child)
    }
}

pub fn wait(mut child: Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < DEADLINE, "the child does not end");
        std::thread::yield_now();
    }
}

pub fn assignment(kind: JobKind, spec: Value, scratch: &Path) -> Assignment {
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

pub fn storage_url(folder: &Path) -> String {
    format!("file://{}", folder.join("storage").display())
}

/// Stores a panel as a version of a dataset.
pub fn stored(panel: Panel, folder: &Path) -> DatasetInput {
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
    let store = open_store(&storage_url(folder)).unwrap();
    let stored = runtime.block_on(store_version(&store, &new, &import, None)).unwrap();
    DatasetInput {
        version: DatasetVersionId::from_uuid(new.version_id),
        dataset: DatasetId::from_uuid(new.dataset_id),
        manifest_key: stored.manifest_key.to_string(),
        manifest_sha256: stored.manifest_sha256,
    }
}

/// The assignment to compute features on a stored version.
pub fn computing(
    features: Value,
    columns: &[&str],
    dataset: DatasetInput,
    folder: &Path,
) -> Assignment {
    let version = dataset.version;
    let column = |name: &&str| ColumnKey {
        name: (*name).to_owned(),
        key: FeatureKey(format!("{version}-of-{name}")),
    };
    let columns = columns.iter().map(column).collect();
    let features_input = FeatureInput { columns, ..FeatureInput::default() };
    let inputs =
        Inputs { dataset: Some(dataset), features: Some(features_input), ..Inputs::default() };
    let spec = json!({ "dataset": "market", "features": features });
    let scratch = folder.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    Assignment {
        storage_url: storage_url(folder),
        inputs: serde_json::to_value(inputs).unwrap(),
        ..assignment(JobKind::FeatureComputation, spec, &scratch)
    }
}

pub fn completed(frames: &[FromChild]) -> Completed {
    match frames.last() {
        Some(FromChild::Completed { completed, .. }) => completed.clone(),
        other => panic!("{other:?}"),
    }
}

/// Puts what a computation hands over where its supervisor would.
pub fn keep(assignment: &Assignment, files: &[FeatureFile]) -> Vec<CachedFeature> {
    let folder = PathBuf::from(assignment.storage_url.strip_prefix("file://").unwrap());
    std::fs::create_dir_all(folder.join("features")).unwrap();
    let keep = |file: &FeatureFile| {
        let object_key = format!("features/{}.parquet", file.key.0);
        let bytes = std::fs::read(&file.path).unwrap();
        std::fs::write(folder.join(&object_key), &bytes).unwrap();
        if let Some(state) = &file.state {
            std::fs::copy(state, folder.join(feature_state_key(&object_key))).unwrap();
        }
        let sha256 = alphafleet_datasets::sha256_hex(&bytes);
        CachedFeature { key: file.key.clone(), object_key, bytes: bytes.len() as u64, sha256 }
    };
    files.iter().map(keep).collect()
}

pub fn table(completed: &Completed) -> Vec<u8> {
    let file = completed.files.iter().find(|file| file.name == "features.parquet").unwrap();
    std::fs::read(&file.path).unwrap()
}
