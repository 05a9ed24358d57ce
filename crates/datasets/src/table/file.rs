use std::fs::{File, Permissions};
use std::io::{BufWriter, Error, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use parquet::file::metadata::KeyValue;
use tempfile::TempPath;

use super::Table;
use super::write::TableWriter;
use crate::error::DatasetError;

/// A file of a table that is written part by part, so that a table need never be in memory as a
/// whole: of a table of any length one row group is held, some 64 MiB.
///
/// The rows are those of the parts one after the other; see
/// [`write_table`](crate::write_table) for the format. It is written beside its place and takes it
/// when it is complete: a file that is there stays until then, and an interruption leaves none that
/// cannot be read.
pub struct TableFile {
    path: PathBuf,
    /// Where it is written meanwhile; nowhere else if its place is a device or a pipe.
    beside: Option<TempPath>,
    writer: TableWriter<BufWriter<File>>,
}

impl TableFile {
    /// Begins a file, replacing one that is there, with the columns and the order of keys of
    /// `like`, whose rows do not matter.
    pub fn create<S>(path: &Path, like: &Table<'_, S>) -> Result<Self, DatasetError> {
        Self::create_with(path, like, Vec::new())
    }

    pub(super) fn create_with<S>(
        path: &Path,
        like: &Table<'_, S>,
        metadata: Vec<KeyValue>,
    ) -> Result<Self, DatasetError> {
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let (file, beside) = begin(path).map_err(|error| failed(path, error))?;
        let name = path.display().to_string();
        let writer = TableWriter::new(&name, BufWriter::new(file), like, metadata)?;
        Ok(Self { path: path.to_owned(), beside, writer })
    }

    /// Adds the rows of a table with the same columns.
    pub fn append<S: AsRef<str>>(&mut self, table: &Table<'_, S>) -> Result<(), DatasetError> {
        self.writer.append(table)
    }

    /// Ends the file; without it there is none.
    pub fn finish(self) -> Result<(), DatasetError> {
        let Self { path, beside, writer } = self;
        writer.finish()?.flush().map_err(|error| failed(&path, error))?;
        match beside {
            Some(beside) => beside.persist(&path).map_err(|error| failed(&path, error.error)),
            None => Ok(()),
        }
    }
}

fn begin(path: &Path) -> Result<(File, Option<TempPath>), Error> {
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        return Ok((File::create(path)?, None));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // As of any new file; the umask takes from it.
    let mode = Permissions::from_mode(0o666);
    let mut named = tempfile::Builder::new();
    let named = named.prefix(".").suffix(".part").permissions(mode);
    let (file, beside) = named.tempfile_in(folder.unwrap_or(Path::new(".")))?.into_parts();
    Ok((file, Some(beside)))
}

fn failed(path: &Path, error: Error) -> DatasetError {
    DatasetError::Write { file: path.display().to_string(), source: Box::new(error) }
}
