use std::fs;
use std::path::Path;

use crate::error::DatasetError;

/// Reads a file of at most `limit` bytes. A symbolic link inside the folder is not followed: it
/// may lead out of what was named.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, DatasetError> {
    let unreadable = |source| DatasetError::Read { file: path.to_owned(), source };
    let about = fs::symlink_metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(corrupt(path, "it is not a plain file; symbolic links are not followed"));
    }
    if about.len() > limit {
        let (file, found) = (path.display().to_string(), about.len());
        return Err(DatasetError::TooLarge { file, what: "bytes", found, limit });
    }
    fs::read(path).map_err(unreadable)
}

/// What lies in a folder, by name; `limit` is the most entries it may have.
pub(super) fn entries(folder: &Path, limit: u64) -> Result<Vec<String>, DatasetError> {
    let unreadable = |source| DatasetError::Read { file: folder.to_owned(), source };
    if fs::symlink_metadata(folder).map_err(unreadable)?.is_symlink() {
        return Err(corrupt(folder, "symbolic links are not followed"));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(corrupt(&path, "its name is not Unicode"));
        };
        names.push(name.to_owned());
        if names.len() as u64 > limit {
            let (file, found) = (folder.display().to_string(), names.len() as u64);
            return Err(DatasetError::TooLarge { file, what: "entries", found, limit });
        }
    }
    names.sort_unstable();
    Ok(names)
}

pub(super) fn corrupt(path: &Path, reason: impl Into<String>) -> DatasetError {
    DatasetError::CorruptFile { file: path.display().to_string(), reason: reason.into() }
}
