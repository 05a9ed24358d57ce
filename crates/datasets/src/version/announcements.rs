use std::collections::BTreeSet;
use std::path::Path;

use alphafleet_artifacts::ArtifactStore;
use alphafleet_market::Announcements;

use super::{
    Manifest, ManifestAnnouncements, ManifestFile, NewVersion, StoredVersion, store_manifest,
    verified, version_instruments,
};
use crate::announcements::{FILE_BYTES, decode, encode, read_announcements};
use crate::error::DatasetError;
use crate::import::{SourceFile, fingerprint};

/// Fields by period of one version: a manifest lists them.
const MOST_FIELDS: usize = 8_192;
/// Names that a message lists.
const LISTED: usize = 3;

/// Announcements on their way into a version, and the file they came from.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAnnouncements {
    pub announcements: Announcements,
    pub source: SourceFile,
}

impl NewAnnouncements {
    /// Reads a table of announcements: [`read_announcements`](crate::read_announcements).
    pub fn read(file: &Path) -> Result<Self, DatasetError> {
        let source = fingerprint(file, FILE_BYTES)?;
        Ok(Self { announcements: read_announcements(file)?, source })
    }
}

/// Writes a version of an earlier one's bars with these announcements beside them, in the place of
/// those it has: `announcements.parquet` and, last of all, `manifest.json`, which names the files
/// of the earlier version's bars. Equal input gives equal bytes.
///
/// # Errors
/// `too_large` for more than 8,192 fields, `strange_announcements` where nothing is announced of
/// any instrument that has bars.
pub async fn store_announcements(
    store: &dyn ArtifactStore,
    new: &NewVersion,
    earlier: &Manifest,
    given: &NewAnnouncements,
) -> Result<StoredVersion, DatasetError> {
    let announcements = &given.announcements;
    let fields: Vec<String> = announcements.field_names().map(str::to_owned).collect();
    if fields.len() > MOST_FIELDS {
        return Err(DatasetError::TooLarge {
            file: given.source.name.clone(),
            what: "fields by period",
            found: fields.len() as u64,
            limit: MOST_FIELDS as u64,
        });
    }
    let days = || announcements.iter().map(|row| row.announced);
    let (Some(start), Some(end)) = (days().min(), days().max()) else {
        return Err(DatasetError::EmptyAnnouncements { file: given.source.name.clone() });
    };
    meet(&version_instruments(store, earlier).await?, given)?;
    let mut bytes = Vec::new();
    encode(&mut bytes, announcements)?;
    let folder = new.folder()?;
    let key = folder.join("announcements.parquet")?;
    let stored = store.put(&key, bytes).await?;
    let file = ManifestFile {
        key: key.to_string(),
        bytes: stored.bytes,
        sha256: stored.sha256,
        rows: announcements.rows() as u64,
    };
    let instruments = announcements.instruments().len() as u64;
    let source = given.source.clone();
    let manifest = Manifest {
        dataset_id: new.dataset_id,
        version_id: new.version_id,
        dataset_name: new.dataset_name.clone(),
        parent: new.parent,
        created_at: new.created_at,
        announcements: Some(ManifestAnnouncements {
            file,
            fields,
            instruments,
            start,
            end,
            source,
        }),
        ..earlier.clone()
    };
    store_manifest(store, &folder, manifest).await
}

/// Names that meet nowhere are a mistake, such as `600000.SH` beside `SH600000`.
fn meet(instruments: &[String], given: &NewAnnouncements) -> Result<(), DatasetError> {
    if instruments.iter().any(|name| given.announcements.has_instrument(name)) {
        return Ok(());
    }
    let first = |names: &[&str]| names[..names.len().min(LISTED)].join(", ");
    let bars: Vec<&str> = instruments.iter().take(LISTED).map(String::as_str).collect();
    Err(DatasetError::StrangeAnnouncements {
        file: given.source.name.clone(),
        announced: first(&given.announcements.instruments()),
        bars: first(&bars),
    })
}

/// Reads a version's announcements of these fields; those it does not have are not there. The file
/// must have the checksum recorded for it.
pub async fn load_announcements(
    store: &dyn ArtifactStore,
    manifest: &Manifest,
    fields: &BTreeSet<String>,
) -> Result<Announcements, DatasetError> {
    let Some(stored) = &manifest.announcements else { return Ok(Announcements::default()) };
    if !stored.fields.iter().any(|field| fields.contains(field)) {
        return Ok(Announcements::default());
    }
    let bytes = verified(store, &stored.file.key.parse()?, &stored.file.sha256).await?;
    decode(&stored.file.key, bytes, Some(fields))
}
