use std::path::PathBuf;
use std::sync::Arc;

use alphafleet_domain::job::Failure;
use alphafleet_domain::ports::{ArtifactKey, ArtifactStore};
use alphafleet_domain::{ArtifactPointer, JobId};
use tokio::fs;
use tokio::task::JoinSet;
use tracing::warn;

use super::files::Uploader;

/// Stores checkpoints one at a time; while one is under way, a newer one replaces the waiting one.
pub(super) struct Checkpoints {
    uploader: Uploader,
    number: u32,
    waiting: Option<PathBuf>,
    upload: JoinSet<Result<ArtifactPointer, Failure>>,
}

impl Checkpoints {
    pub fn new(uploader: Uploader) -> Self {
        Self { uploader, number: 0, waiting: None, upload: JoinSet::new() }
    }

    pub async fn offer(&mut self, path: PathBuf) {
        if let Some(older) = self.waiting.replace(path) {
            // It can be outside of scratch by a child's mistake, then it is not ours.
            if older.starts_with(&self.uploader.scratch) {
                let _ = fs::remove_file(older).await;
            }
        }
        self.start();
    }

    fn start(&mut self) {
        if !self.upload.is_empty() {
            return;
        }
        let Some(path) = self.waiting.take() else { return };
        self.number += 1;
        let (uploader, number) = (self.uploader.clone(), self.number);
        self.upload.spawn(async move {
            let stored = uploader.checkpoint(number, &path).await;
            if stored.is_ok() {
                let _ = fs::remove_file(&path).await;
            }
            stored
        });
    }

    /// The next stored one; waits for ever if none is under way. Safe to cancel.
    pub async fn next(&mut self) -> Result<ArtifactPointer, String> {
        match self.upload.join_next().await {
            None => std::future::pending().await,
            Some(ended) => {
                self.start();
                match ended {
                    Ok(stored) => stored.map_err(|failure| failure.message),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }

    pub fn is_idle(&self) -> bool {
        self.upload.is_empty()
    }

    /// Removes the one that is still under way: nobody will be told of it.
    pub fn abandon(mut self) {
        tokio::spawn(async move {
            while let Some(ended) = self.upload.join_next().await {
                let stored = ended.ok().and_then(Result::ok);
                if let Some(folder) = stored.and_then(|at| folder(self.uploader.job, &at)) {
                    forget(&self.uploader.artifacts, folder);
                }
            }
        });
    }
}

/// The folder of one of the job's checkpoints, which is alone in there.
pub(super) fn folder(job: JobId, pointer: &ArtifactPointer) -> Option<ArtifactKey> {
    let (folder, _) = pointer.key.rsplit_once('/')?;
    let (attempt, name) = folder.rsplit_once('/')?;
    let its_own = attempt.starts_with(&format!("jobs/{job}/")) && name.starts_with("checkpoint-");
    if its_own { folder.parse().ok() } else { None }
}

/// Removes a checkpoint that no job points to any more.
pub(super) fn forget(artifacts: &Arc<dyn ArtifactStore>, folder: ArtifactKey) {
    let artifacts = Arc::clone(artifacts);
    tokio::spawn(async move {
        if let Err(error) = artifacts.delete_prefix(&folder).await {
            warn!(%folder, %error, "an old checkpoint is left behind");
        }
    });
}
