use std::path::{Path, PathBuf};
use std::sync::Arc;

use alphafleet_domain::ports::{ArtifactError, ArtifactKey, ArtifactStore, StoredObject};
use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::failed;
use crate::hash::{Sha256Stream, sha256_hex};

const CHUNK_BYTES: usize = 256 * 1024;

/// Artifacts in an object store. Cheap to clone.
///
/// An object is written beside its place and moved there when complete, so a reader never sees
/// half of it; the same key written twice holds the later object.
#[derive(Debug, Clone)]
pub struct ObjectArtifactStore {
    store: Arc<dyn ObjectStore>,
}

impl ObjectArtifactStore {
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }

    async fn upload(&self, key: &ArtifactKey, file: &Path) -> Result<StoredObject, ArtifactError> {
        let mut source = tokio::fs::File::open(file).await.map_err(|error| failed(key, error))?;
        let upload = self.store.put_multipart(&path_of(key)?).await;
        let mut upload = WriteMultipart::new(upload.map_err(|error| failed(key, error))?);
        let (mut digest, mut bytes) = (Sha256Stream::default(), 0_u64);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            let read = match source.read(&mut buffer).await {
                Ok(read) => read,
                Err(error) => {
                    upload.abort().await.map_err(|error| failed(key, error))?;
                    return Err(failed(key, error));
                }
            };
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
            bytes += read as u64;
            upload.wait_for_capacity(4).await.map_err(|error| failed(key, error))?;
            upload.write(&buffer[..read]);
        }
        upload.finish().await.map_err(|error| failed(key, error))?;
        Ok(StoredObject { key: key.clone(), bytes, sha256: digest.finish() })
    }

    /// Streams the object into `file` and gives its checksum.
    async fn download(&self, key: &ArtifactKey, file: &Path) -> Result<String, ArtifactError> {
        let object = self.store.get(&path_of(key)?).await.map_err(|error| missing(key, error))?;
        let mut target = tokio::fs::File::create(file).await.map_err(|error| failed(key, error))?;
        let mut stream = object.into_stream();
        let mut digest = Sha256Stream::default();
        while let Some(chunk) = stream.try_next().await.map_err(|error| failed(key, error))? {
            digest.update(&chunk);
            target.write_all(&chunk).await.map_err(|error| failed(key, error))?;
        }
        target.flush().await.map_err(|error| failed(key, error))?;
        Ok(digest.finish())
    }
}

#[async_trait]
impl ArtifactStore for ObjectArtifactStore {
    async fn put(&self, key: &ArtifactKey, bytes: Vec<u8>) -> Result<StoredObject, ArtifactError> {
        let sha256 = sha256_hex(&bytes);
        let length = bytes.len() as u64;
        let stored = self.store.put(&path_of(key)?, PutPayload::from(bytes)).await;
        stored.map_err(|error| failed(key, error))?;
        Ok(StoredObject { key: key.clone(), bytes: length, sha256 })
    }

    async fn put_file(
        &self,
        key: &ArtifactKey,
        file: &Path,
    ) -> Result<StoredObject, ArtifactError> {
        self.upload(key, file).await
    }

    async fn get(&self, key: &ArtifactKey) -> Result<Vec<u8>, ArtifactError> {
        let object = self.store.get(&path_of(key)?).await.map_err(|error| missing(key, error))?;
        let bytes = object.bytes().await.map_err(|error| failed(key, error))?;
        Ok(bytes.into())
    }

    async fn get_file(
        &self,
        key: &ArtifactKey,
        sha256: &str,
        file: &Path,
    ) -> Result<(), ArtifactError> {
        let partial = partial(file);
        let found = self.download(key, &partial).await;
        let settled = match found {
            Ok(found) if found.eq_ignore_ascii_case(sha256) => {
                tokio::fs::rename(&partial, file).await.map_err(|error| failed(key, error))
            }
            Ok(found) => {
                let expected = sha256.to_owned();
                Err(ArtifactError::Tampered { key: key.clone(), expected, found })
            }
            Err(error) => Err(error),
        };
        if settled.is_err() {
            // The first error counts; a file that was never made cannot be removed.
            let _ = tokio::fs::remove_file(&partial).await;
        }
        settled
    }

    async fn list(&self, prefix: &ArtifactKey) -> Result<Vec<ArtifactKey>, ArtifactError> {
        let objects: Vec<_> = self
            .store
            .list(Some(&path_of(prefix)?))
            .try_collect()
            .await
            .map_err(|error| failed(prefix, error))?;
        let mut keys = Vec::with_capacity(objects.len());
        for object in objects {
            let key = object.location.as_ref();
            keys.push(key.parse::<ArtifactKey>().map_err(|error| failed(key, error))?);
        }
        keys.sort_unstable();
        Ok(keys)
    }

    async fn delete_prefix(&self, prefix: &ArtifactKey) -> Result<u64, ArtifactError> {
        let mut deleted = 0;
        for key in self.list(prefix).await? {
            match self.store.delete(&path_of(&key)?).await {
                Ok(()) => deleted += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(failed(&key, error)),
            }
        }
        Ok(deleted)
    }

    async fn delete(&self, key: &ArtifactKey) -> Result<(), ArtifactError> {
        match self.store.delete(&path_of(key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(key, error)),
        }
    }

    async fn ping(&self) -> Result<(), ArtifactError> {
        let probe = ObjectPath::from(".ping");
        match self.store.head(&probe).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(probe, error)),
        }
    }
}

fn path_of(key: &ArtifactKey) -> Result<ObjectPath, ArtifactError> {
    ObjectPath::parse(key.as_str()).map_err(|error| failed(key, error))
}

fn missing(key: &ArtifactKey, error: object_store::Error) -> ArtifactError {
    match error {
        object_store::Error::NotFound { .. } => ArtifactError::NotFound(key.clone()),
        error => failed(key, error),
    }
}

fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
