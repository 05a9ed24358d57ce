mod csv;
mod parquet;
mod qlib;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::collect::Collector;
use super::name_of;
use crate::error::DatasetError;
pub(super) use qlib::read as read_qlib;

/// Reads a file into the collector: Parquet by its magic bytes or extension, else CSV.
pub(super) fn read(path: &Path, collector: &mut Collector<'_>) -> Result<(), DatasetError> {
    let unreadable = |source| DatasetError::Read { file: path.to_owned(), source };
    let mut magic = Vec::with_capacity(4);
    let file = File::open(path).map_err(unreadable)?;
    file.take(4).read_to_end(&mut magic).map_err(unreadable)?;
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let named = ["parquet", "parq", "pq"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    let source = Source { path, file: name_of(path), stem: stem_of(path) };
    if magic == b"PAR1" || named {
        parquet::read(&source, collector)?;
    } else {
        csv::read(&source, collector)?;
    }
    collector.end();
    Ok(())
}

struct Source<'a> {
    path: &'a Path,
    /// The name errors use.
    file: String,
    stem: String,
}

fn stem_of(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
