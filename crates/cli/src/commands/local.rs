use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_datasets::{Import, ImportOptions, SourceFile, import_files};
use alphafleet_specs::TrainingSpec;
use alphafleet_training_worker::{
    Blame, Run, RunDataset, Sink, Stage, StageProgress, Stop, TrainError,
};
use anyhow::Context;
use chrono::Utc;
use indicatif::ProgressBar;
use serde_json::Value;

use super::{data, results};
use crate::args::Global;
use crate::failure::Usage;
use crate::output;

/// Trains here: imports the files, runs the pipeline in this process, leaves everything in `out`.
pub async fn run(
    global: &Global,
    config: PathBuf,
    files: Vec<PathBuf>,
    out: PathBuf,
) -> anyhow::Result<ExitCode> {
    let json = global.json;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let trained =
        tokio::task::spawn_blocking(move || train(json, &config, &files, &out, &interrupted));
    match trained.await?? {
        result if json => output::json(&result)?,
        result => results::print_result(&result),
    }
    Ok(ExitCode::SUCCESS)
}

fn train(
    json: bool,
    config: &Path,
    files: &[PathBuf],
    out: &Path,
    interrupted: &AtomicBool,
) -> anyhow::Result<Value> {
    let spec = specification(config)?;
    let import = import_files(files, &ImportOptions::default())?;
    if !json {
        data::print_findings(&serde_json::to_value(&import.findings)?);
    }
    std::fs::create_dir_all(out).map_err(|error| Usage(format!("{}: {error}", out.display())))?;
    let version = version(&import);
    let screen = Screen::new(json, interrupted);
    let run = Run {
        spec: &spec,
        dataset: RunDataset { name: &spec.dataset.name, version: &version },
        session: "local",
        build: env!("CARGO_PKG_VERSION"),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        scratch: out,
        checkpoint: None,
        now: Utc::now,
    };
    let trained = alphafleet_training_worker::run(&run, import, &screen);
    screen.bar.finish_and_clear();
    match trained {
        Ok(trained) => Ok(trained.summary),
        Err(TrainError::Stopped) => Err(anyhow::anyhow!("interrupted")),
        Err(error) if matches!(error.blame(), Blame::Specification | Blame::Data) => {
            Err(Usage(error.explain()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// TOML, or by its ending JSON. Without a dataset's name the file's own is taken.
fn specification(config: &Path) -> anyhow::Result<TrainingSpec> {
    let text = std::fs::read_to_string(config)
        .map_err(|error| Usage(format!("{} cannot be read: {error}", config.display())))?;
    let spec = match config.extension() {
        Some(ending) if ending == "json" => TrainingSpec::from_json(&text),
        _ => TrainingSpec::from_toml(&text),
    };
    spec.with_context(|| format!("{} is not a training configuration", config.display()))
}

/// The sources' checksums name the data of a local run.
fn version(import: &Import) -> String {
    let short = |source: &SourceFile| source.sha256.chars().take(16).collect::<String>();
    import.sources.iter().map(short).collect::<Vec<_>>().join("+")
}

/// Draws the pipeline's progress.
struct Screen<'a> {
    bar: ProgressBar,
    interrupted: &'a AtomicBool,
    stage: Cell<Option<Stage>>,
    latest: RefCell<String>,
}

impl<'a> Screen<'a> {
    fn new(quiet: bool, interrupted: &'a AtomicBool) -> Self {
        let bar = output::stage_bar(quiet);
        Self { bar, interrupted, stage: Cell::new(None), latest: RefCell::default() }
    }
}

impl Sink for Screen<'_> {
    fn enter(&self, stage: Stage, percent: f64) {
        if self.stage.replace(Some(stage)) != Some(stage) {
            self.bar.set_prefix(stage.name());
        }
        self.bar.set_position((percent * 10.0) as u64);
    }

    fn progress(&self, progress: &StageProgress) {
        self.bar.set_position((progress.percent * 10.0) as u64);
        let rounds = format!("round {}/{}  ", progress.round, progress.rounds);
        self.bar.set_message(rounds + &self.latest.borrow());
    }

    fn metrics(&self, _round: u32, values: &[(&str, f64)]) {
        let values = values.iter().map(|(name, value)| format!("{name} {value:.5}"));
        *self.latest.borrow_mut() = values.collect::<Vec<_>>().join("  ");
    }

    fn inform(&self, message: &str) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    fn warn(&self, message: &str) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    /// A run that nobody resumes keeps no checkpoint.
    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn stop(&self) -> Option<Stop> {
        self.interrupted.load(Ordering::Relaxed).then_some(Stop::Abandon)
    }
}
