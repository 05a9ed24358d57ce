//! A sweep and its shares in child processes, spoken to in frames as a supervisor does: shares are
//! kept where it would keep them, and the sweep's own job makes the whole of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;

use std::fs;
use std::path::{Path, PathBuf};

use alphafleet_datasets::{Import, NewVersion, open_store, sha256_hex, store_version};
use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_domain::{ArtifactKind, DatasetId, DatasetVersionId, JobId, LeaseId};
use alphafleet_market::SyntheticMarket;
use alphafleet_specs::BacktestSweepSpec;
use alphafleet_worker::child::{Assignment, Completed, DatasetInput, Inputs, Part, Stop};
use alphafleet_worker::frame::{FromChild, ToChild};
use child::Running;
use chrono::{NaiveDate, Utc};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Not a test: what the other tests start as their child process.
#[test]
#[ignore = "the child process of the other tests"]
fn child_process() {
    child::serve_if_child();
}

/// Object storage with a market in it.
struct Storage {
    folder: TempDir,
    dataset: DatasetInput,
}

impl Storage {
    fn new(instruments: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        let market =
            SyntheticMarket { instruments, bars: 300, start, ..SyntheticMarket::default() };
        let panel = market.generate().unwrap();
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
        let store = open_store(&url(folder.path())).unwrap();
        let stored = runtime.block_on(store_version(&store, &new, &import, None)).unwrap();
        let dataset = DatasetInput {
            version: DatasetVersionId::from_uuid(new.version_id),
            dataset: DatasetId::from_uuid(new.dataset_id),
            manifest_key: stored.manifest_key.to_string(),
            manifest_sha256: stored.manifest_sha256,
        };
        Self { folder, dataset }
    }

    fn assignment(&self, kind: JobKind, spec: Value, parts: Vec<Part>) -> Assignment {
        let (job, lease) = (JobId::new(), LeaseId::new());
        let inputs = Inputs { dataset: Some(self.dataset.clone()), parts, ..Inputs::default() };
        Assignment {
            job,
            attempt: 1,
            lease,
            kind,
            spec,
            scratch: self.folder.path().join("scratch").join(lease.to_string()),
            storage_url: url(self.folder.path()),
            inputs: serde_json::to_value(inputs).unwrap(),
            checkpoint: None,
            threads: 1,
            out_of_memory: 0,
        }
    }

    fn place(&self, key: &str) -> PathBuf {
        self.folder.path().join("storage").join(key)
    }

    /// Puts the one file of a share where its supervisor would.
    fn keep(&self, assignment: &Assignment, completed: &Completed) -> Part {
        assert_eq!(completed.files.len(), 1);
        let file = &completed.files[0];
        assert_eq!((file.kind, file.name.as_str()), (ArtifactKind::Share, "share.json"));
        let bytes = fs::read(&file.path).unwrap();
        let key = format!("jobs/{}/{}/{}", assignment.job, assignment.lease, file.name);
        let place = self.place(&key);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, &bytes).unwrap();
        Part { job: assignment.job, key, sha256: sha256_hex(&bytes) }
    }
}

fn url(folder: &Path) -> String {
    format!("file://{}", folder.join("storage").display())
}

/// 221 combinations, of which the one with 20 for both averages is no plan, and three windows.
fn spec() -> BacktestSweepSpec {
    let fast: Vec<usize> = (4..21).collect();
    let slow: Vec<usize> = (20..33).collect();
    let document = json!({
        "backtest": {
            "dataset": "market",
            "plan": {
                "period": { "start": "2020-01-06", "end": "2020-12-31" },
                "costs": { "open_rate": 0.001, "close_rate": 0.001 },
                "strategy": { "type": "ma_cross", "fast": 3, "slow": 20,
                              "sizing": { "weight": 0.2 }, "short": false },
            },
        },
        "sweep": {
            "axes": [{ "path": "strategy.fast", "values": fast },
                     { "path": "strategy.slow", "values": slow }],
            "walk_forward": { "train": 120, "test": 60 },
        },
    });
    BacktestSweepSpec::from_value(&document).unwrap()
}

fn completed(frames: &[FromChild]) -> Completed {
    match frames.last() {
        Some(FromChild::Completed { completed, .. }) => completed.clone(),
        other => panic!("{other:?}"),
    }
}

fn failure(frames: &[FromChild]) -> (FailureCode, bool, String) {
    match frames.last() {
        Some(FromChild::Failed { failure, .. }) => {
            (failure.code, failure.retryable, failure.message.clone())
        }
        other => panic!("{other:?}"),
    }
}

/// A file without what differs from job to job.
fn text(completed: &Completed, name: &str) -> String {
    let file = completed.files.iter().find(|file| file.name == name).unwrap();
    let mut document: Value = serde_json::from_slice(&fs::read(&file.path).unwrap()).unwrap();
    for own in ["session", "started", "finished"] {
        assert!(document.as_object_mut().unwrap().remove(own).is_some(), "{own}");
    }
    document.to_string()
}

fn bytes(completed: &Completed, name: &str) -> Vec<u8> {
    fs::read(&completed.files.iter().find(|file| file.name == name).unwrap().path).unwrap()
}

fn shares(storage: &Storage, child: &mut Running) -> Vec<Part> {
    let shares = spec().shares();
    assert_eq!(shares.len(), 2 + 3);
    let mut parts: Vec<(usize, Part)> = Vec::new();
    // The last to be begun is the first to end.
    for (at, share) in shares.iter().enumerate().rev() {
        let kind = JobKind::BacktestSweepShare;
        let assignment = storage.assignment(kind, share.to_value(), Vec::new());
        let frames = child.serve(&assignment, |_| None);
        let told = frames.iter().any(|frame| {
            matches!(frame, FromChild::Progress { progress, .. }
            if progress.epochs == Some(110) || progress.stage == "walking_forward")
        });
        assert!(told, "{frames:?}");
        parts.push((at, storage.keep(&assignment, &completed(&frames))));
    }
    parts.sort_by_key(|(at, _)| *at);
    parts.into_iter().map(|(_, part)| part).collect()
}

#[test]
fn the_shares_make_the_same_sweep_as_its_own_job_alone() {
    let (storage, mut child) = (Storage::new(5), Running::start());
    let parts = shares(&storage, &mut child);
    let document = spec().to_value();
    let sweep = |parts| storage.assignment(JobKind::BacktestSweep, document.clone(), parts);
    let whole = completed(&child.serve(&sweep(parts), |_| None));
    let alone = completed(&child.serve(&sweep(Vec::new()), |_| None));
    assert_eq!(whole.result, alone.result);
    assert_eq!(whole.result["ran"], 220);
    assert_eq!(whole.result["out_of_sample"], true);
    let names = |completed: &Completed| -> Vec<String> {
        completed.files.iter().map(|file| file.name.clone()).collect()
    };
    assert_eq!(names(&whole), names(&alone));
    for name in ["sweep.parquet", "walk_forward.parquet"] {
        assert!(bytes(&whole, name) == bytes(&alone, name), "{name}");
    }
    assert_eq!(text(&whole, "report.json"), text(&alone, "report.json"));
}

#[test]
fn a_share_that_is_lost_changed_or_foreign_is_named() {
    let (storage, mut child) = (Storage::new(5), Running::start());
    let parts = shares(&storage, &mut child);
    let mut refused = |spec: &BacktestSweepSpec, parts: &[Part]| {
        let kind = JobKind::BacktestSweep;
        let assignment = storage.assignment(kind, spec.to_value(), parts.to_vec());
        failure(&child.serve(&assignment, |_| None))
    };
    let of = |at: usize| format!("share {} of 5, left by {},", at + 1, parts[at].job);

    let mut other = spec();
    other.backtest.universe.exclude = vec!["NONE".to_owned()];
    let (code, retryable, message) = refused(&other, &parts);
    assert_eq!((code, retryable), (FailureCode::InvalidData, false));
    assert!(message.contains(&of(0)) && message.contains("another sweep"), "{message}");

    let (_, _, message) = refused(&spec(), &parts[..3]);
    assert!(message.contains("no share of the sweep has window 1"), "{message}");
    let twice: Vec<Part> = parts.iter().chain(&parts[..1]).cloned().collect();
    let (_, _, message) = refused(&spec(), &twice);
    assert!(message.contains("is in another share too"), "{message}");

    let place = storage.place(&parts[2].key);
    let kept = fs::read(&place).unwrap();
    fs::write(&place, &kept[1..]).unwrap();
    let (code, retryable, message) = refused(&spec(), &parts);
    assert_eq!((code, retryable), (FailureCode::InvalidData, false));
    assert!(message.contains(&of(2)) && message.contains(&parts[2].sha256), "{message}");

    fs::remove_file(&place).unwrap();
    let (_, retryable, message) = refused(&spec(), &parts);
    assert!(retryable && message.contains(&of(2)), "{message}");
}

#[test]
fn a_drained_share_goes_on_where_it_was() {
    // Runs that take long enough to be stopped in the midst of them.
    let storage = Storage::new(200);
    let share = spec().shares()[0].to_value();
    let kind = JobKind::BacktestSweepShare;
    let undisturbed = storage.assignment(kind, share.clone(), Vec::new());
    let undisturbed = completed(&Running::start().serve(&undisturbed, |_| None));

    let first = storage.assignment(kind, share, Vec::new());
    let (lease, reason) = (first.lease, Stop::Drain);
    let mut asked = false;
    let frames = Running::start().serve(&first, |frame| match frame {
        FromChild::Progress { progress, .. } if progress.epoch >= Some(5) && !asked => {
            asked = true;
            Some(ToChild::Stop { lease, reason })
        }
        _ => None,
    });
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })), "{frames:?}");
    let checkpoint = frames.iter().rev().find_map(|frame| match frame {
        FromChild::Checkpoint { path, .. } => Some(path.clone()),
        _ => None,
    });
    let lease = LeaseId::new();
    let second = Assignment {
        attempt: 2,
        lease,
        scratch: first.scratch.with_file_name(lease.to_string()),
        checkpoint,
        ..first
    };
    let frames = Running::start().serve(&second, |_| None);
    let resumed = frames.iter().find_map(|frame| match frame {
        FromChild::Progress { progress, .. } => progress.epoch,
        _ => None,
    });
    assert!(resumed > Some(5), "runs are not repeated: {resumed:?}");
    let whole = completed(&frames);
    assert!(bytes(&whole, "share.json") == bytes(&undisturbed, "share.json"));

    let cancelled = storage.assignment(kind, spec().shares()[0].to_value(), Vec::new());
    let (lease, reason) = (cancelled.lease, Stop::Cancel);
    let mut asked = false;
    let frames = Running::start().serve(&cancelled, |frame| match frame {
        FromChild::Progress { progress, .. } if progress.epoch >= Some(5) && !asked => {
            asked = true;
            Some(ToChild::Stop { lease, reason })
        }
        _ => None,
    });
    assert!(matches!(frames.last(), Some(FromChild::Stopped { .. })), "{frames:?}");
    let kept = frames.iter().any(|frame| matches!(frame, FromChild::Checkpoint { .. }));
    assert!(!kept, "{frames:?}");
}

#[test]
fn a_share_the_sweep_does_not_have_is_refused() {
    let storage = Storage::new(1);
    let mut share = spec().shares()[0].to_value();
    share["share"]["to"] = json!(1_000);
    let assignment = storage.assignment(JobKind::BacktestSweepShare, share, Vec::new());
    let (code, retryable, message) = failure(&Running::start().serve(&assignment, |_| None));
    assert_eq!((code, retryable), (FailureCode::InvalidSpec, false));
    assert!(message.contains("share.to"), "{message}");
}
