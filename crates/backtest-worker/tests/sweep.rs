//! Sweeps: their rows are the runs alone, whatever the threads; a stopped one goes on from its
//! checkpoint to the same files; shares of one make the whole, to the byte.
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
    BacktestRunError, Finished, RunDataset, SweepProgress, SweepRun, SweepShare, SweepSink,
    SweepStop, merge_shares, sweep, sweep_share,
};
use alphafleet_domain::ArtifactKind;
use alphafleet_market::{Panel, SyntheticMarket};
use alphafleet_specs::{BacktestSpec, BacktestSweepSpec, Share};
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

/// A sweep of the panel, or what else is done with its run.
fn with_run(
    panel: &Panel,
    config: &SweepConfig,
    (threads, checkpoint): (usize, Option<&Path>),
    work: impl FnOnce(&SweepRun<'_>) -> Result<Finished, BacktestRunError>,
) -> (TempDir, Result<Finished, BacktestRunError>) {
    let scratch = tempfile::tempdir().unwrap();
    let plan = plan(panel);
    let run = SweepRun {
        plan: &plan,
        config,
        dataset: RunDataset { name: "market", version: "v1" },
        prices: "as they <are>",
        inputs: &Value::Null,
        session: "test",
        build: "test",
        scratch: scratch.path(),
        findings: &[],
        checkpoint,
        threads,
        now: || DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    let finished = work(&run);
    (scratch, finished)
}

fn run(
    panel: &Arc<Panel>,
    threads: usize,
    checkpoint: Option<&Path>,
    record: &Record,
) -> (TempDir, Result<Finished, BacktestRunError>) {
    with_run(panel, &config(), (threads, checkpoint), |run| {
        sweep(run, Arc::clone(panel), &[], None, record)
    })
}

/// The file that a share leaves.
fn shared(panel: &Arc<Panel>, config: &SweepConfig, share: Share) -> Vec<u8> {
    let (_scratch, finished) = with_run(panel, config, (2, None), |run| {
        sweep_share(run, share, Arc::clone(panel), &[], None, &Record::new(None))
    });
    let files = finished.unwrap().files;
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].kind, ArtifactKind::Share);
    fs::read(&files[0].path).unwrap()
}

fn merged(
    panel: &Arc<Panel>,
    config: &SweepConfig,
    shares: &[Vec<u8>],
) -> (TempDir, Result<Finished, BacktestRunError>) {
    with_run(panel, config, (1, None), |run| {
        let read = |(at, bytes): (usize, &Vec<u8>)| SweepShare::read(format!("share {at}"), bytes);
        let shares = shares.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
        merge_shares(run, Arc::clone(panel), shares, &Record::new(None))
    })
}

const fn runs(from: usize, to: usize) -> Share {
    Share::Runs { from, to }
}

const fn windows(index: usize, of: usize) -> Share {
    Share::Windows { index, of }
}

fn file(scratch: &TempDir, name: &str) -> Vec<u8> {
    fs::read(scratch.path().join(name)).unwrap()
}

fn files(scratch: &TempDir) -> Vec<(&'static str, Vec<u8>)> {
    ["sweep.parquet", "walk_forward.parquet", "report.json", "report.html"]
        .map(|name| (name, file(scratch, name)))
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

#[test]
fn shares_of_any_number_and_order_make_the_whole() {
    let panel = panel();
    let (whole, finished) = run(&panel, 2, None, &Record::new(None));
    let expected = (files(&whole), finished.unwrap().summary);
    let one = vec![runs(0, 52), windows(0, 1)];
    let three = vec![runs(20, 52), windows(0, 1), runs(0, 20)];
    // One of them has but a combination that is no plan; of the windows, which are three, the
    // fourth share has none.
    let many = vec![
        windows(3, 4),
        runs(17, 48),
        runs(49, 52),
        windows(1, 4),
        runs(0, 17),
        runs(48, 49),
        windows(2, 4),
        windows(0, 4),
    ];
    let mut backwards = many.clone();
    backwards.reverse();
    for shares in [one, three, many, backwards] {
        let left: Vec<Vec<u8>> =
            shares.iter().map(|&share| shared(&panel, &config(), share)).collect();
        let (scratch, finished) = merged(&panel, &config(), &left);
        assert_eq!(finished.unwrap().summary, expected.1, "{shares:?}");
        for (found, expected) in files(&scratch).iter().zip(&expected.0) {
            assert_eq!(found.0, expected.0);
            assert!(found.1 == expected.1, "{} of {shares:?}", found.0);
        }
    }
}

#[test]
fn the_shares_of_a_specification_make_the_whole() {
    let panel = panel();
    let fast: Vec<usize> = (2..22).collect();
    let slow: Vec<usize> = (22..38).collect();
    let config = SweepConfig::from_value(&json!({
        "axes": [{ "path": "strategy.fast", "values": fast },
                 { "path": "strategy.slow", "values": slow }],
        "walk_forward": { "train": 150, "test": 40 },
        "objective": "total_return",
    }))
    .unwrap();
    let backtest = json!({ "dataset": "market", "plan": plan(&panel).to_value() });
    let backtest = BacktestSpec::from_value(&backtest).unwrap();
    let spec = BacktestSweepSpec::new(backtest, config.clone()).unwrap();
    let shares = spec.shares();
    assert_eq!(shares.len(), 3 + 4);
    let left: Vec<Vec<u8>> =
        shares.iter().map(|share| shared(&panel, &config, share.share)).collect();
    let (parts, merged) = merged(&panel, &config, &left);
    let (whole, finished) = with_run(&panel, &config, (2, None), |run| {
        sweep(run, Arc::clone(&panel), &[], None, &Record::new(None))
    });
    assert_eq!(merged.unwrap().summary, finished.unwrap().summary);
    assert!(files(&parts) == files(&whole));
}

#[test]
fn a_killed_share_goes_on_from_its_checkpoint() {
    let panel = panel();
    for (share, after) in [(runs(3, 43), 10), (windows(0, 2), 60)] {
        let undisturbed = shared(&panel, &config(), share);
        let stopped = Record::new(Some((after, SweepStop::Checkpoint)));
        let (_, finished) = with_run(&panel, &config(), (1, None), |run| {
            sweep_share(run, share, Arc::clone(&panel), &[], None, &stopped)
        });
        // One that had ended by then is not stopped any more.
        let Some(checkpoint) = stopped.checkpoint.lock().unwrap().clone() else {
            panic!("no checkpoint: {finished:?}");
        };
        let resumed = Record::new(None);
        let given = (1, Some(checkpoint.as_path()));
        let (_scratch, finished) = with_run(&panel, &config(), given, |run| {
            sweep_share(run, share, Arc::clone(&panel), &[], None, &resumed)
        });
        assert!(fs::read(&finished.unwrap().files[0].path).unwrap() == undisturbed, "{share:?}");
        let first = resumed.first.lock().unwrap().unwrap_or(usize::MAX);
        assert!(first > 10, "runs are not repeated: {first}");
        // A checkpoint of another share is none of this one.
        let begun = Record::new(None);
        let (_scratch, finished) = with_run(&panel, &config(), given, |run| {
            sweep_share(run, runs(0, 3), Arc::clone(&panel), &[], None, &begun)
        });
        finished.unwrap();
        assert_eq!(*begun.first.lock().unwrap(), Some(1));
    }
}

#[test]
fn shares_that_do_not_make_the_whole_are_refused_by_name() {
    let panel = panel();
    let share = |share| shared(&panel, &config(), share);
    let (first, last, choices) = (share(runs(0, 30)), share(runs(30, 52)), share(windows(0, 1)));
    let mut other = config();
    other.axes[0].values.pop();
    let foreign = shared(&panel, &other, runs(30, 48));
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut document: Value = serde_json::from_slice(&last).unwrap();
        edit(&mut document);
        serde_json::to_vec(&document).unwrap()
    };
    let damaged = last[..last.len() / 2].to_vec();
    let later = edited(&|document| document["schema_version"] = json!(2));
    let short = edited(&|document| {
        document["rows"].as_array_mut().unwrap().pop();
    });
    let whole = edited(&|document| document["share"] = Value::Null);
    let empty = share(windows(1, 2));
    for (shares, code, said) in [
        (vec![&first, &choices], "absent_share", "combination 30"),
        (vec![&last, &choices], "absent_share", "combination 0"),
        (vec![&first, &last], "absent_share", "window 0"),
        (vec![&first, &last, &empty], "absent_share", "window 0"),
        (
            vec![&first, &last, &choices, &first],
            "bad_share",
            "share 3 cannot be used: combination 0",
        ),
        (vec![&first, &last, &choices, &empty], "bad_share", "share 3 cannot be used: window 1"),
        (vec![&first, &foreign, &choices], "bad_share", "share 1 cannot be used: it is of another"),
        (vec![&first, &damaged, &choices], "bad_share", "share 1 cannot be used: it is damaged"),
        (vec![&first, &later, &choices], "bad_share", "share 1 cannot be used: its layout is 2"),
        (vec![&first, &short, &choices], "bad_share", "share 1 cannot be used: it has 19 runs"),
        (vec![&first, &whole, &choices], "bad_share", "share 1 cannot be used: it is a whole"),
        (vec![], "absent_share", "combination 0"),
    ] {
        let shares: Vec<Vec<u8>> = shares.into_iter().cloned().collect();
        let error = merged(&panel, &config(), &shares).1.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_share_of_which_nothing_runs_fails_only_where_there_is_nothing_else() {
    let panel = panel();
    let pairs = |first: &str| {
        json!({ "type": "pairs", "first": first, "second": "NONE", "window": 60, "entry": 2.0,
                "exit": 0.5, "weight": 0.2 })
    };
    let of = |strategies: Vec<Value>| {
        let margin = json!({ "margin": { "initial": 0.5, "maintenance": 0.25 } });
        let axes = json!([{ "path": "account", "values": [margin] },
                          { "path": "strategy", "values": strategies }]);
        SweepConfig::from_value(&json!({ "axes": axes })).unwrap()
    };
    let cross = plan(&panel).to_value()["strategy"].clone();
    let some = of(vec![pairs("NOBODY"), pairs("NOTHING"), cross]);
    let left = [runs(0, 2), runs(2, 3)].map(|share| shared(&panel, &some, share));
    let (parts, finished) = merged(&panel, &some, &left);
    let (whole, alone) = with_run(&panel, &some, (1, None), |run| {
        sweep(run, Arc::clone(&panel), &[], None, &Record::new(None))
    });
    let summary = finished.unwrap().summary;
    assert_eq!((&summary["configurations"], &summary["ran"]), (&json!(3), &json!(1)));
    assert_eq!(alone.unwrap().summary, summary);
    assert!(file(&parts, "sweep.parquet") == file(&whole, "sweep.parquet"));

    let none = of(vec![pairs("NOBODY"), pairs("NOTHING")]);
    let left = [runs(0, 1), runs(1, 2)].map(|share| shared(&panel, &none, share));
    let parts = merged(&panel, &none, &left).1.unwrap_err();
    let alone = with_run(&panel, &none, (1, None), |run| {
        sweep(run, Arc::clone(&panel), &[], None, &Record::new(None))
    });
    let alone = alone.1.unwrap_err();
    assert_eq!((parts.code(), alone.code()), ("no_configuration_ran", "no_configuration_ran"));
    assert_eq!(parts.to_string(), alone.to_string());
}

#[test]
fn runs_of_another_build_are_said_in_the_report() {
    let panel = panel();
    let mut config = config();
    config.walk_forward = None;
    let left = [runs(0, 26), runs(26, 52)].map(|share| {
        let mut document: Value = serde_json::from_slice(&shared(&panel, &config, share)).unwrap();
        document["build"] = json!("another");
        serde_json::to_vec(&document).unwrap()
    });
    let (scratch, finished) = merged(&panel, &config, &left);
    finished.unwrap();
    let report: Value = serde_json::from_slice(&file(&scratch, "report.json")).unwrap();
    assert_eq!(report["findings"][0]["code"], "other_builds");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
}
