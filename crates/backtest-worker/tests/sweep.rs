//! Sweeps: their rows are the runs alone, whatever the threads; a stopped one goes on from its
//! checkpoint to the same files.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io;
use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use alphafleet_backtest::default_period;
use alphafleet_backtest::plan::{Grid, KeyFigures, Plan, PlanDraft, Simulation, SweepConfig};
use alphafleet_backtest_worker::{
    BacktestRunError, Finished, RunDataset, SweepProgress, SweepRun, SweepSink, SweepStop, sweep,
};
use alphafleet_market::{Panel, SyntheticMarket};
use chrono::DateTime;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Writes down what a sweep says; asks it to stop after a number of runs.
struct Record {
    stop: Option<(usize, SweepStop)>,
    done: AtomicUsize,
    first: Mutex<Option<usize>>,
    checkpoint: Mutex<Option<PathBuf>>,
    folder: TempDir,
}

impl Record {
    fn new(stop: Option<(usize, SweepStop)>) -> Self {
        Self {
            stop,
            done: AtomicUsize::new(0),
            first: Mutex::new(None),
            checkpoint: Mutex::new(None),
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

impl SweepSink for Record {
    fn stage(&self, _: &str, percent: f64) {
        assert!((0.0..=100.0).contains(&percent));
    }

    fn progress(&self, progress: &SweepProgress) {
        assert!(progress.done <= progress.of);
        self.first.lock().unwrap().get_or_insert(progress.done);
        self.done.store(progress.done, Ordering::Relaxed);
    }

    fn inform(&self, _: &str) {}

    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        let kept = self.folder.path().join("kept");
        fs::rename(path, &kept)?;
        *self.checkpoint.lock().unwrap() = Some(kept);
        Ok(())
    }

    fn stop(&self) -> Option<SweepStop> {
        self.stop
            .filter(|(runs, _)| self.done.load(Ordering::Relaxed) >= *runs)
            .map(|(_, reason)| reason)
    }
}

fn panel() -> Arc<Panel> {
    let market = SyntheticMarket { instruments: 5, bars: 300, ..SyntheticMarket::default() };
    Arc::new(market.generate().unwrap())
}

fn plan(panel: &Panel) -> Plan {
    let document = json!({
        "costs": { "open_rate": 0.001, "close_rate": 0.001 },
        "strategy": { "type": "ma_cross", "fast": 3, "slow": 20, "sizing": { "weight": 0.2 },
                      "short": false },
    });
    let draft = PlanDraft::from_value(&document).unwrap();
    draft.complete(default_period(panel, None).unwrap())
}

/// 52 combinations; the two with 20 for both averages are no plans.
fn config() -> SweepConfig {
    let fast: Vec<usize> = (2..14).chain([20]).collect();
    SweepConfig::from_value(&json!({
        "axes": [
            { "path": "strategy.fast", "values": fast },
            { "path": "strategy.slow", "values": [20, 40] },
            { "path": "strategy.sizing.weight", "values": [0.1, 0.2] },
        ],
        "walk_forward": { "train": 120, "test": 60 },
    }))
    .unwrap()
}

fn run(
    panel: &Arc<Panel>,
    threads: usize,
    checkpoint: Option<&Path>,
    record: &Record,
) -> (TempDir, Result<Finished, BacktestRunError>) {
    let scratch = tempfile::tempdir().unwrap();
    let (plan, config) = (plan(panel), config());
    let run = SweepRun {
        plan: &plan,
        config: &config,
        dataset: RunDataset { name: "market", version: "v1" },
        session: "test",
        build: "test",
        scratch: scratch.path(),
        findings: &[],
        checkpoint,
        threads,
        now: || DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    let finished = sweep(&run, Arc::clone(panel), &[], None, record);
    (scratch, finished)
}

fn files(scratch: &TempDir) -> Vec<(&'static str, Vec<u8>)> {
    ["sweep.parquet", "walk_forward.parquet", "report.json", "report.html"]
        .map(|name| (name, fs::read(scratch.path().join(name)).unwrap()))
        .to_vec()
}

#[test]
fn every_row_is_the_run_alone_and_the_best_stands_first() {
    let panel = panel();
    let record = Record::new(None);
    let (scratch, finished) = run(&panel, 2, None, &record);
    let summary = finished.unwrap().summary;
    assert_eq!((&summary["configurations"], &summary["ran"]), (&json!(52), &json!(50)));
    let report: Value =
        serde_json::from_slice(&fs::read(scratch.path().join("report.json")).unwrap()).unwrap();
    let best = report["best"].as_array().unwrap();
    assert_eq!(best.len(), 50);
    let grid = Grid::new(&plan(&panel), config().axes).unwrap();
    let simulation = Simulation::prepare(&plan(&panel), &panel, &[]).unwrap();
    let mut last = f64::INFINITY;
    for row in best {
        let configuration = row["configuration"].as_u64().unwrap() as usize;
        let plan = grid.plan(configuration).unwrap();
        let outcome = simulation.run(&plan, None, &mut |_| Continue(())).unwrap();
        let alone = KeyFigures::of(&plan, &outcome);
        assert_eq!(row["figures"], serde_json::to_value(alone).unwrap());
        let sharpe = alone.sharpe.unwrap();
        assert!(sharpe <= last);
        last = sharpe;
    }
    assert_eq!(report["deflated_sharpe"]["trials"], 50);
    let p_value = report["reality_check"]["p_value"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&p_value));
    let walk = &report["walk_forward"];
    assert_eq!(walk["windows"].as_array().unwrap().len(), 3);
    assert_eq!(walk["curve"].as_array().unwrap().len(), 180);
    assert_eq!(record.done.load(Ordering::Relaxed), 50 * 4);
}

#[test]
fn neither_threads_nor_attempts_change_what_is_written() {
    let panel = panel();
    let (whole, finished) = run(&panel, 1, None, &Record::new(None));
    finished.unwrap();
    let whole = files(&whole);
    let (many, finished) = run(&panel, 7, None, &Record::new(None));
    finished.unwrap();
    assert_eq!(files(&many), whole);
    // In the midst of the sweep, and in the midst of walking forward.
    for after in [10, 120] {
        let stopped = Record::new(Some((after, SweepStop::Checkpoint)));
        let (_, finished) = run(&panel, 2, None, &stopped);
        if let Err(error) = finished {
            assert!(matches!(error, BacktestRunError::Stopped), "{error}");
        }
        let Some(checkpoint) = stopped.checkpoint.lock().unwrap().clone() else {
            panic!("no checkpoint after {after}");
        };
        let resumed = Record::new(None);
        let (scratch, finished) = run(&panel, 2, Some(&checkpoint), &resumed);
        finished.unwrap();
        assert_eq!(files(&scratch), whole);
        let first = resumed.first.lock().unwrap().unwrap_or(usize::MAX);
        assert!(first > 10, "runs are not repeated: {first}");
    }
}

#[test]
fn an_abandoned_sweep_leaves_no_checkpoint_and_a_foreign_one_is_passed_over() {
    let panel = panel();
    let stopped = Record::new(Some((0, SweepStop::Abandon)));
    let (_, finished) = run(&panel, 2, None, &stopped);
    assert!(matches!(finished, Err(BacktestRunError::Stopped)));
    assert_eq!(*stopped.checkpoint.lock().unwrap(), None);

    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign");
    fs::write(&foreign, br#"{"of":{},"rows":[],"windows":[]}"#).unwrap();
    let record = Record::new(None);
    let (_, finished) = run(&panel, 2, Some(&foreign), &record);
    finished.unwrap();
    assert_eq!(*record.first.lock().unwrap(), Some(1));
}
