//! What a process can be.

mod gateway;
mod monitoring_worker;
mod standalone;
mod worker;

use std::io;
use std::path::{Path, PathBuf};

use crate::backends::{StartError, make_folder};
use crate::process::{Process, ProcessError};
use crate::settings::Settings;
use crate::translate::Served;

/// What a process of the fleet does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of it: the embedded fleet. Brings its database to this build's schema by itself.
    Standalone,
    /// Serves HTTP and WebSockets.
    Gateway,
    /// Runs jobs of the queues `training` and `default` in child processes, which are this same
    /// program with the argument `child`.
    TrainingWorker,
    /// Runs jobs of the queue `backtest` likewise.
    BacktestWorker,
    /// Watches over the others: expires, dispatches, announces and cleans up.
    MonitoringWorker,
}

impl Role {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "alphafleet",
            Self::Gateway => "gateway",
            Self::TrainingWorker => "training-worker",
            Self::BacktestWorker => "backtest-worker",
            Self::MonitoringWorker => "monitoring-worker",
        }
    }
}

impl Process {
    /// Starts a process; answers when it serves.
    pub async fn start(role: Role, settings: &Settings) -> Result<Self, ProcessError> {
        match role {
            Role::Standalone => standalone::start(settings).await,
            Role::Gateway => gateway::start(settings).await,
            Role::TrainingWorker => {
                worker::start(settings, Served::TRAINING, settings.health.training_worker).await
            }
            Role::BacktestWorker => {
                worker::start(settings, Served::BACKTEST, settings.health.backtest_worker).await
            }
            Role::MonitoringWorker => monitoring_worker::start(settings).await,
        }
    }
}

/// A folder of this process alone below the data folder's `scratch`.
fn scratch(settings: &Settings, name: &str) -> Result<PathBuf, StartError> {
    let scratch = settings.data_dir.join("scratch");
    make_folder(&scratch)?;
    Ok(scratch.join(name))
}

/// Uploads that an earlier process left half done are of no use to anyone.
fn fresh_folder(folder: &Path) -> Result<(), StartError> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StartError::Folder { folder: folder.to_owned(), source })
        }
        _ => make_folder(folder),
    }
}
