#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use alphafleet_specs::TrainingSpec;
use alphafleet_training_worker::{
    Bars, Run, RunDataset, Sink, Stage, StageProgress, Stop, TrainError, Trained, run,
};
use chrono::Utc;
use serde_json::Value;

/// Writes down what a run says; asks it to stop after a round.
#[derive(Default)]
pub struct Record {
    pub stages: RefCell<Vec<(&'static str, f64)>>,
    pub rounds: RefCell<Vec<(u32, BTreeMap<String, f64>)>>,
    pub percents: RefCell<Vec<f64>>,
    pub warnings: RefCell<Vec<String>>,
    pub checkpoints: RefCell<Vec<PathBuf>>,
    pub stop_after: Option<(u32, Stop)>,
    last: Cell<u32>,
}

impl Record {
    pub fn stopping(round: u32, stop: Stop) -> Self {
        Self { stop_after: Some((round, stop)), ..Self::default() }
    }

    pub fn series(&self, name: &str) -> Vec<f64> {
        self.rounds.borrow().iter().filter_map(|(_, values)| values.get(name).copied()).collect()
    }
}

impl Sink for Record {
    fn enter(&self, stage: Stage, percent: f64) {
        self.stages.borrow_mut().push((stage.name(), percent));
    }

    fn progress(&self, progress: &StageProgress) {
        self.percents.borrow_mut().push(progress.percent);
    }

    fn metrics(&self, round: u32, values: &[(&str, f64)]) {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        self.rounds.borrow_mut().push((round, values));
        self.last.set(round);
    }

    fn inform(&self, _: &str) {}

    fn warn(&self, message: &str) {
        self.warnings.borrow_mut().push(message.to_owned());
    }

    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        let mut checkpoints = self.checkpoints.borrow_mut();
        let kept = path.with_file_name(format!("kept-{}.json", checkpoints.len()));
        std::fs::rename(path, &kept)?;
        checkpoints.push(kept);
        Ok(())
    }

    fn stop(&self) -> Option<Stop> {
        self.stop_after.filter(|(round, _)| self.last.get() >= *round).map(|(_, stop)| stop)
    }
}

pub fn spec(document: &Value) -> TrainingSpec {
    TrainingSpec::from_value(document).unwrap()
}

pub fn train(
    document: &Value,
    bars: impl Into<Bars>,
    scratch: &Path,
    checkpoint: Option<&Path>,
    record: &Record,
) -> Result<Trained, TrainError> {
    let spec = spec(document);
    let given = Run {
        spec: &spec,
        dataset: RunDataset { name: "market", version: "v1" },
        session: "test",
        build: "test",
        threads: 2,
        scratch,
        checkpoint,
        now: Utc::now,
    };
    run(&given, bars, record)
}

pub fn metric(trained: &Trained, name: &str) -> f64 {
    trained.summary["metrics"][name].as_f64().unwrap()
}

pub fn bytes(trained: &Trained, name: &str) -> Vec<u8> {
    let file = trained.files.iter().find(|file| file.name == name).unwrap();
    std::fs::read(&file.path).unwrap()
}
