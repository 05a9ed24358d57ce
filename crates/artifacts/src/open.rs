use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::local::LocalFileSystem;

use crate::error::OpenError;
use crate::object::ObjectArtifactStore;

/// Opens the storage a URL names, creating a local folder that is not there yet.
///
/// Known: `file:///absolute/folder`. Everything else is refused.
pub fn open_store(url: &str) -> Result<ObjectArtifactStore, OpenError> {
    let Some(folder) = url.strip_prefix("file://") else {
        return Err(OpenError::Scheme { url: without_secret(url) });
    };
    let folder = Path::new(folder);
    if !folder.is_absolute() {
        return Err(OpenError::Folder { url: url.to_owned() });
    }
    open_folder(folder.to_owned())
}

fn open_folder(folder: PathBuf) -> Result<ObjectArtifactStore, OpenError> {
    if let Err(source) = std::fs::create_dir_all(&folder) {
        return Err(OpenError::Create { folder, source });
    }
    match LocalFileSystem::new_with_prefix(&folder) {
        Ok(store) => Ok(ObjectArtifactStore::new(Arc::new(store.with_automatic_cleanup(true)))),
        Err(source) => Err(OpenError::Open { folder, source }),
    }
}

/// A URL may carry a password before its `@`; a message must not.
fn without_secret(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn only_absolute_folders_open() {
        let refused = |url: &str| open_store(url).unwrap_err().to_string();
        assert!(refused("file://relative").contains("file:///folder"));
        assert!(refused("ftp://me:secret@host/x").contains("ftp://…@host/x"));
        let folder = tempfile::tempdir().unwrap();
        let fresh = folder.path().join("a/b");
        open_store(&format!("file://{}", fresh.display())).unwrap();
        assert!(fresh.is_dir());
        std::fs::write(folder.path().join("file"), b"x").unwrap();
        assert!(open_store(&format!("file://{}/file", folder.path().display())).is_err());
    }
}
