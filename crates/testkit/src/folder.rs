use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use uuid::Uuid;

/// Where a server has its files.
pub(crate) enum Folder {
    /// Gone with its server.
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    pub fn temporary(service: &str) -> Self {
        let prefix = format!("alphafleet-{service}-");
        Self::Temporary(tempfile::Builder::new().prefix(&prefix).tempdir().expect("a folder"))
    }

    /// Makes the folder where it is missing, for nobody else to look into.
    pub fn kept(path: &Path) -> std::io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        Ok(Self::Kept(path.to_owned()))
    }

    /// Where it is, if nobody needs it after its server.
    pub fn if_temporary(&self) -> Option<&Path> {
        match self {
            Self::Temporary(folder) => Some(folder.path()),
            Self::Kept(_) => None,
        }
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// Writes a file that nobody else can read, in one step.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension(Uuid::new_v4().simple().to_string());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(beside, path)
}
