use std::cell::Cell;
use std::io;
use std::path::Path;
use std::time::Instant;

use alphafleet_datasets::{
    ArtifactKey, DatasetError, LoadedVersion, load_announcements, load_version, open_store,
};
use alphafleet_domain::job::{FailureCode, JobKind, LogLevel, Progress};
use alphafleet_specs::{Fundamentals, TrainingSpec};
use alphafleet_worker::child::{
    Assignment, Completed, Context, DatasetInput, Handler, HandlerError, Stop as Asked,
};
use chrono::Utc;

use crate::pipeline::{Run, RunDataset, Sink, Stage, StageProgress, Stop, TrainError, run};

/// Serves jobs of the kind `training`.
#[derive(Debug, Clone, Copy, Default)]
pub struct TrainingHandler;

impl Handler for TrainingHandler {
    fn kind(&self) -> JobKind {
        JobKind::Training
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = TrainingSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        ctx.progress(Progress {
            stage: Stage::Preparing.name().to_owned(),
            message: "reading the dataset".to_owned(),
            ..Progress::default()
        });
        let reads = spec.fundamentals();
        let loaded = load(&assignment.storage_url, &assignment.dataset()?, &reads)?;
        ctx.check()?;
        let version = loaded.manifest.version_id.to_string();
        let name = loaded.manifest.dataset_name.clone();
        let session = assignment.job.to_string();
        let trained = run(
            &Run {
                spec: &spec,
                dataset: RunDataset { name: &name, version: &version },
                session: &session,
                build: env!("CARGO_PKG_VERSION"),
                threads: assignment.threads,
                scratch: &assignment.scratch,
                checkpoint: assignment.checkpoint.as_deref(),
                now: Utc::now,
            },
            loaded,
            &Reporter { ctx, fitting_since: Cell::new(None) },
        )?;
        Ok(Completed {
            result: trained.summary,
            files: trained.files,
            model: Some(trained.model),
            ..Completed::default()
        })
    }
}

/// Reads a dataset version whose manifest the supervisor named: its bars, and beside them what is
/// read of its announcements. A field that it does not have is left out; what reads it is refused
/// by name where it is computed.
pub fn load(
    storage_url: &str,
    input: &DatasetInput,
    reads: &Fundamentals,
) -> Result<LoadedVersion, HandlerError> {
    let store = open_store(storage_url)
        .map_err(|error| HandlerError::retryable(FailureCode::Internal, error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| HandlerError::retryable(FailureCode::Internal, error.to_string()))?;
    let load = async {
        let key: ArtifactKey = input.manifest_key.parse()?;
        let LoadedVersion { panel, manifest } =
            load_version(&store, &key, &input.manifest_sha256).await?;
        let announcements = load_announcements(&store, &manifest, &reads.fields()).await?;
        Ok(LoadedVersion { panel: panel.with_announcements(announcements), manifest })
    };
    runtime.block_on(load).map_err(|error: DatasetError| TrainError::from(error).into())
}

impl From<TrainError> for HandlerError {
    fn from(error: TrainError) -> Self {
        if matches!(error, TrainError::Stopped) {
            return Self::Stopped;
        }
        Self::blamed(error.blame(), error.code(), &error)
    }
}

/// Speaks to the supervisor.
struct Reporter<'a> {
    ctx: &'a Context,
    /// When the first round was reported, and which it was.
    fitting_since: Cell<Option<(Instant, u32)>>,
}

impl Reporter<'_> {
    /// Time for the remaining rounds at the pace so far; early stopping may end it sooner.
    fn eta_ms(&self, progress: &StageProgress) -> Option<u64> {
        let Some((since, first)) = self.fitting_since.get() else {
            self.fitting_since.set(Some((Instant::now(), progress.round)));
            return None;
        };
        let done = f64::from(progress.round.saturating_sub(first)).max(1.0);
        let left = f64::from(progress.rounds.saturating_sub(progress.round));
        Some((since.elapsed().as_secs_f64() * 1000.0 / done * left) as u64)
    }
}

impl Sink for Reporter<'_> {
    fn enter(&self, stage: Stage, percent: f64) {
        self.ctx.stage(stage.name(), percent);
        self.ctx.log(LogLevel::Info, stage.name());
    }

    fn progress(&self, progress: &StageProgress) {
        self.ctx.progress(Progress {
            percent: progress.percent,
            stage: progress.stage.name().to_owned(),
            message: progress.message.clone(),
            epoch: Some(progress.round),
            epochs: Some(progress.rounds),
            eta_ms: self.eta_ms(progress),
        });
    }

    fn metrics(&self, round: u32, values: &[(&str, f64)]) {
        self.ctx.metrics(u64::from(round), values);
    }

    fn inform(&self, message: &str) {
        self.ctx.log(LogLevel::Info, message);
    }

    fn warn(&self, message: &str) {
        self.ctx.log(LogLevel::Warn, message);
    }

    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        self.ctx.checkpoint(path)
    }

    fn stop(&self) -> Option<Stop> {
        self.ctx.stop().map(|reason| match reason {
            Asked::Cancel => Stop::Abandon,
            Asked::Drain | Asked::SoftLimit => Stop::Checkpoint,
        })
    }
}
