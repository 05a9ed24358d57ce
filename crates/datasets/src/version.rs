mod announcements;
mod manifest;

use std::collections::BTreeSet;

use alphafleet_artifacts::{ArtifactKey, ArtifactStore, sha256_hex};
use alphafleet_market::Panel;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::DatasetError;
use crate::import::Import;
use crate::panel_file::{PanelRows, panel_of_tables};
use crate::table::{read_instruments, read_table, write_table};
pub use announcements::{NewAnnouncements, load_announcements, store_announcements};
pub use manifest::{Manifest, ManifestAnnouncements, ManifestFile, VersionStatus};

/// Rows of one file of a version; longer panels take several.
const FILE_ROWS: usize = 2_000_000;

/// What the caller knows about a version to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    pub dataset_id: Uuid,
    pub version_id: Uuid,
    pub dataset_name: String,
    /// The version this one follows.
    pub parent: Option<Uuid>,
    pub created_at: DateTime<Utc>,
}

impl NewVersion {
    fn folder(&self) -> Result<ArtifactKey, DatasetError> {
        Ok(format!("datasets/{}/{}", self.dataset_id, self.version_id).parse()?)
    }
}

/// A written version: where its manifest is and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVersion {
    pub manifest_key: ArtifactKey,
    /// Checksum of the manifest itself, hex.
    pub manifest_sha256: String,
    pub manifest: Manifest,
}

/// A version's bars read back, every checksum verified. Its announcements are read by
/// [`load_announcements`] where they are needed.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedVersion {
    pub panel: Panel,
    pub manifest: Manifest,
}

/// Writes an import as an immutable version under `datasets/{dataset_id}/{version_id}/`:
/// `bars-00000.parquet`, … and, last of all, `manifest.json`. Equal input gives equal bytes.
/// A version whose manifest was never written does not exist for readers. `carried` are the
/// announcements of the version it follows, whose file it then names too.
pub async fn store_version(
    store: &dyn ArtifactStore,
    new: &NewVersion,
    import: &Import,
    carried: Option<ManifestAnnouncements>,
) -> Result<StoredVersion, DatasetError> {
    let folder = new.folder()?;
    let mut files = Vec::new();
    for (number, (rows, bytes)) in encode(&import.panel)?.into_iter().enumerate() {
        let key = folder.join(&format!("bars-{number:05}.parquet"))?;
        let stored = store.put(&key, bytes).await?;
        files.push(ManifestFile {
            key: key.to_string(),
            bytes: stored.bytes,
            sha256: stored.sha256,
            rows,
        });
    }
    store_manifest(store, &folder, Manifest::of(new, import, files, carried)?).await
}

async fn store_manifest(
    store: &dyn ArtifactStore,
    folder: &ArtifactKey,
    manifest: Manifest,
) -> Result<StoredVersion, DatasetError> {
    let key = folder.join("manifest.json")?;
    let json = manifest_json(&manifest)?;
    let stored = store.put(&key, json).await?;
    Ok(StoredVersion { manifest_key: key, manifest_sha256: stored.sha256, manifest })
}

fn encode(panel: &Panel) -> Result<Vec<(u64, Vec<u8>)>, DatasetError> {
    let rows = PanelRows::of(panel);
    let count = rows.times.len();
    let mut files = Vec::new();
    for start in (0..count).step_by(FILE_ROWS) {
        let end = count.min(start + FILE_ROWS);
        let mut bytes = Vec::new();
        write_table(&mut bytes, &rows.table(start..end))?;
        files.push(((end - start) as u64, bytes));
    }
    Ok(files)
}

/// The bytes a manifest is stored and checksummed as: indented JSON with a line end.
pub fn manifest_json(manifest: &Manifest) -> Result<Vec<u8>, DatasetError> {
    let mut json = serde_json::to_vec_pretty(manifest).map_err(|error| DatasetError::Write {
        file: "manifest.json".to_owned(),
        source: Box::new(error),
    })?;
    json.push(b'\n');
    Ok(json)
}

/// Reads a version back. The manifest and every file must have the checksum recorded for them;
/// one that does not is refused by name.
pub async fn load_version(
    store: &dyn ArtifactStore,
    manifest_key: &ArtifactKey,
    manifest_sha256: &str,
) -> Result<LoadedVersion, DatasetError> {
    let manifest = load_manifest(store, manifest_key, manifest_sha256).await?;
    let mut tables = Vec::with_capacity(manifest.files.len());
    for file in &manifest.files {
        let bytes = verified(store, &file.key.parse()?, &file.sha256).await?;
        let table = read_table(&file.key, bytes)?;
        if table.times.len() as u64 != file.rows {
            let reason = format!("{} rows instead of {}", table.times.len(), file.rows);
            return Err(DatasetError::CorruptFile { file: file.key.clone(), reason });
        }
        tables.push((file.key.clone(), table));
    }
    Ok(LoadedVersion { panel: panel_of_tables(tables)?, manifest })
}

/// The instruments of a version, ascending: read from its files, whose checksums are verified like
/// those of [`load_version`].
pub async fn version_instruments(
    store: &dyn ArtifactStore,
    manifest: &Manifest,
) -> Result<Vec<String>, DatasetError> {
    let mut instruments = BTreeSet::new();
    for file in &manifest.files {
        let bytes = verified(store, &file.key.parse()?, &file.sha256).await?;
        instruments.append(&mut read_instruments(&file.key, bytes)?);
    }
    Ok(instruments.into_iter().collect())
}

/// Reads what a version consists of, if the manifest has the checksum recorded for it.
pub async fn load_manifest(
    store: &dyn ArtifactStore,
    key: &ArtifactKey,
    sha256: &str,
) -> Result<Manifest, DatasetError> {
    let json = verified(store, key, sha256).await?;
    let bad = |reason: String| DatasetError::BadManifest { key: key.to_string(), reason };
    let manifest: Manifest =
        serde_json::from_slice(&json).map_err(|error| bad(error.to_string()))?;
    manifest.check().map_err(bad)?;
    Ok(manifest)
}

async fn verified(
    store: &dyn ArtifactStore,
    key: &ArtifactKey,
    expected: &str,
) -> Result<Vec<u8>, DatasetError> {
    let bytes = store.get(key).await?;
    let found = sha256_hex(&bytes);
    if found.eq_ignore_ascii_case(expected) {
        return Ok(bytes);
    }
    Err(DatasetError::Tampered { key: key.to_string(), expected: expected.to_owned(), found })
}

#[cfg(test)]
mod tests;
