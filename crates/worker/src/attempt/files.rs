use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphafleet_domain::job::{Failure, FailureCode};
use alphafleet_domain::ports::{ArtifactError, ArtifactKey, ArtifactStore, StoredObject};
use alphafleet_domain::{
    ArtifactId, ArtifactKind, ArtifactPointer, CachedFeature, FeatureKey, JobId, LeaseId,
    feature_state_key,
};
use tokio::fs;
use tracing::warn;

use crate::frame::{FeatureFile, OutputFile};
use crate::supervisor::BackOff;

const TRIES: u32 = 8;

/// Stores files of one attempt under keys of its own lease.
#[derive(Clone)]
pub(crate) struct Uploader {
    pub artifacts: Arc<dyn ArtifactStore>,
    pub job: JobId,
    pub lease: LeaseId,
    /// Only files in here are stored.
    pub scratch: PathBuf,
}

impl Uploader {
    /// All files of a finished attempt, in their order.
    pub async fn outputs(&self, files: Vec<OutputFile>) -> Result<Vec<ArtifactPointer>, Failure> {
        let mut names = HashSet::new();
        let mut pointers = Vec::with_capacity(files.len());
        for OutputFile { kind, name, path } in files {
            if !names.insert(name.clone()) {
                return Err(refused(format!("two files are called '{name}'")));
            }
            let key = self.key(&name)?;
            pointers.push(self.file(kind, name, key, &path).await?);
        }
        Ok(pointers)
    }

    /// A checkpoint, alone in a folder, so that it can be removed as one.
    pub async fn checkpoint(&self, number: u32, path: &Path) -> Result<ArtifactPointer, Failure> {
        let name = format!("checkpoint-{number}");
        let key = self.key(&format!("{name}/state"))?;
        self.file(ArtifactKind::Checkpoint, name, key, path).await
    }

    /// Columns for the cache, under keys of their own: what the key stands for determines the
    /// bytes, so whoever else writes there writes the same. States lie beside them and carry their
    /// own checksums; each goes on from its column, whoever wrote it.
    pub async fn features(&self, files: Vec<FeatureFile>) -> Result<Vec<CachedFeature>, Failure> {
        let mut stored = Vec::with_capacity(files.len());
        for FeatureFile { key, path, state } in files {
            let object = format!("features/{}.parquet", key.0);
            let mut bytes = 0;
            if let Some(state) = state {
                let beside = feature_state_key(&object);
                bytes += self.feature(&key, &beside, &state).await?.bytes;
            }
            let column = self.feature(&key, &object, &path).await?;
            bytes += column.bytes;
            let ArtifactPointer { key: object_key, sha256, .. } = column;
            stored.push(CachedFeature { key, object_key, bytes, sha256 });
        }
        Ok(stored)
    }

    async fn feature(
        &self,
        key: &FeatureKey,
        object: &str,
        path: &Path,
    ) -> Result<ArtifactPointer, Failure> {
        let object = object
            .parse()
            .map_err(|_| refused(format!("'{}' is not a key of the feature cache", key.0)))?;
        self.file(ArtifactKind::Features, key.0.clone(), object, path).await
    }

    fn key(&self, name: &str) -> Result<ArtifactKey, Failure> {
        let key = format!("jobs/{}/{}/{name}", self.job, self.lease);
        key.parse().map_err(|_| refused(format!("'{name}' is not a file name for storage")))
    }

    async fn file(
        &self,
        kind: ArtifactKind,
        name: String,
        key: ArtifactKey,
        path: &Path,
    ) -> Result<ArtifactPointer, Failure> {
        let path = self.inside(path).await.map_err(refused)?;
        let StoredObject { key, bytes, sha256 } = self.put(&key, &path).await.map_err(|error| {
            let message = format!("'{name}' cannot be stored: {error}");
            Failure::retryable(FailureCode::Internal, message)
        })?;
        let key = key.as_str().to_owned();
        Ok(ArtifactPointer { id: ArtifactId::new(), kind, name, key, bytes, sha256 })
    }

    async fn put(&self, key: &ArtifactKey, path: &Path) -> Result<StoredObject, ArtifactError> {
        let mut back_off = BackOff::default();
        loop {
            match self.artifacts.put_file(key, path).await {
                Err(error) if back_off.tries() < TRIES => {
                    warn!(%key, %error, "a file is not stored yet");
                    back_off.wait().await;
                }
                answer => return answer,
            }
        }
    }

    /// A child names paths; what is not a file in its scratch folder is not its to hand over.
    async fn inside(&self, path: &Path) -> Result<PathBuf, String> {
        let missing = |_| format!("'{}' does not exist", path.display());
        let real = fs::canonicalize(self.scratch.join(path)).await.map_err(missing)?;
        let is_file = fs::metadata(&real).await.is_ok_and(|found| found.is_file());
        if is_file && real.starts_with(&self.scratch) {
            Ok(real)
        } else {
            Err(format!("'{}' is not a file in the job's scratch folder", path.display()))
        }
    }
}

fn refused(message: String) -> Failure {
    Failure::permanent(FailureCode::HandlerError, message)
}
