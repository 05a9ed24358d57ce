use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use parquet::file::metadata::KeyValue;

use super::Table;
use super::write::TableWriter;
use crate::error::DatasetError;

/// A file of a table that is written part by part, so that a table need never be in memory as a
/// whole: of a table of any length one row group is held, some 64 MiB.
///
/// The rows are those of the parts one after the other; see
/// [`write_table`](crate::write_table) for the format.
pub struct TableFile {
    path: PathBuf,
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
        let file = File::create(path).map_err(|error| failed(path, error))?;
        let name = path.display().to_string();
        let writer = TableWriter::new(&name, BufWriter::new(file), like, metadata)?;
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Adds the rows of a table with the same columns.
    pub fn append<S: AsRef<str>>(&mut self, table: &Table<'_, S>) -> Result<(), DatasetError> {
        self.writer.append(table)
    }

    /// Ends the file; without it there is none that could be read.
    pub fn finish(self) -> Result<(), DatasetError> {
        let Self { path, writer } = self;
        writer.finish()?.flush().map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: std::io::Error) -> DatasetError {
    DatasetError::Write { file: path.display().to_string(), source: Box::new(error) }
}
