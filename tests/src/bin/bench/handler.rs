use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use alphafleet_datasets::{ImportOptions, import_files};
use alphafleet_specs::TrainingSpec;
use alphafleet_training_worker::{Sink, Stage, StageProgress, Stop, matrices};
use serde_json::{Value, json};

use crate::child;
use crate::market::{MarketFile, market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 5;
const SLOW_TURNS: usize = 3;

/// From a Parquet file to the matrices a model is fitted on: import, Alpha158, label, processors.
/// Beside it Qlib's handler, whose data are in its own format already. Seconds on two threads, and
/// the memory of a process that does nothing else.
pub fn run(scale: Scale) -> Vec<Measurement> {
    let panel = market(scale.of(300), 2_500);
    let file = MarketFile::write(&panel);
    let path = file.path().to_str().unwrap().to_owned();
    let script = Script { environment: "qlib", file: "bench-factors.py", work: "handler" };
    let given = json!({ "threads": 2, "segments": segments() });
    let peer = Peer::start(script, file.path(), &given).map(|qlib| qlib.at_most(SLOW_TURNS));
    let ours = || child::run("handler", std::slice::from_ref(&path));
    let turns = Turns::take(TURNS, ours, [peer]);
    turns.agree("rows", "qlib rows", 0.0);
    let params = json!({
        "instruments": panel.instruments().len(), "bars": panel.calendar().len(), "threads": 2,
    });
    let measured = [
        turns.measurement("handler", "s", &params),
        turns.measurement("handler memory", "MB", &params),
        turns.measurement("qlib handler", "s", &params),
        turns.measurement("qlib handler memory", "MB", &params),
        turns.ratio("handler", "qlib handler"),
        turns.ratio("handler memory", "qlib handler memory"),
    ];
    measured.into_iter().flatten().collect()
}

fn segments() -> Value {
    json!({
        "train": ["2011-01-03", "2016-09-30"],
        "valid": ["2016-10-03", "2018-04-13"],
        "test": ["2018-04-16", "2020-07-30"],
    })
}

/// The child's part: one run, with nothing done before.
pub fn alone(arguments: &[String]) -> Figures {
    let document = json!({
        "dataset": "market",
        "segments": segments(),
        // Qlib lets labels reach over the borders.
        "purge": false,
        "model": { "type": "lightgbm", "preset": "qlib_alpha158" },
    });
    let spec = TrainingSpec::from_value(&document).unwrap();
    let start = Instant::now();
    let files = [PathBuf::from(&arguments[0])];
    let import = import_files(&files, &ImportOptions::default()).unwrap();
    let parts = matrices(&spec, import, 2, &Quiet).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let mut figures: Figures =
        [figure("handler", seconds), figure("handler memory", child::peak_mb())].into();
    let rows = parts.iter().map(|part| part.rows.len() as f64).collect();
    figures.insert("rows".to_owned(), rows);
    figures
}

/// Hears everything and asks for nothing.
struct Quiet;

impl Sink for Quiet {
    fn enter(&self, _: Stage, _: f64) {}
    fn progress(&self, _: &StageProgress) {}
    fn metrics(&self, _: u32, _: &[(&str, f64)]) {}
    fn inform(&self, _: &str) {}
    fn warn(&self, message: &str) {
        eprintln!("{message}");
    }
    fn checkpoint(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn stop(&self) -> Option<Stop> {
        None
    }
}
