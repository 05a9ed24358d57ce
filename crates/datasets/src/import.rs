mod basis;
mod carried;
mod clean;
mod collect;
mod layout;
mod options;
mod source;
mod time;
mod zones;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::{Finding, FindingCode, Panel, check_panel, complete_columns};
use serde::{Deserialize, Serialize};

use crate::error::DatasetError;
use crate::qlib::is_qlib_folder;
pub(crate) use carried::{metadata_of, read as carried_by};
use collect::Collector;
pub use layout::ColumnMapping;
pub(crate) use layout::loses_name;
pub use options::{ImportOptions, Limits, OutsideRange, PriceBasis, RowRule};
pub(crate) use time::parse_time;

/// What an import gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Raw prices with their dated `factor` where one is known; `vwap` is always there.
    pub panel: Panel,
    /// Bars in the panel.
    pub rows: u64,
    /// The gravest first.
    pub findings: Vec<Finding>,
    pub sources: Vec<SourceFile>,
}

/// A file the data came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// Without its folder.
    pub name: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

/// Imports CSV and Parquet files: one long file, or several, for instance one an instrument.
///
/// A folder stands for the `.csv` and `.parquet` files in it. Columns are recognised by name
/// (Yahoo, Qlib, TradeMaster and the usual synonyms) or named by `options.columns`; the
/// instrument comes from a column or else from the file's stem. `open`, `high`, `low`, `close`
/// and a time are required; every further numeric column becomes a field.
///
/// Parquet columns may be compressed with zstd, snappy, gzip, brotli or lz4.
///
/// Times with a zone become UTC, unless they are daily bars, which keep the date they have there:
/// most of a file's times are midnights in their zone, or no instrument has two on one date.
///
/// What is done to rows, each with a finding: rows without any price are dropped; of doubled
/// rows identical ones are dropped and of different ones the last with a price counts; infinite values become
/// missing; a bar with a price that is not positive or with its high below its low becomes a
/// missing bar; open or close outside high and low follow `options.outside_range`. None of this
/// but the rule on doubled rows holds under [`RowRule::AsRecorded`] (`options.rows`). Prices that
/// are already adjusted are turned back to raw ones (`options.price_basis`); without a `factor`,
/// `adj_close / close` is it. A file of [`write_import`](crate::write_import) says itself that its
/// prices are raw, and its findings are taken over, none twice.
///
/// A folder with `calendars/`, `instruments/` and `features/` in it is one in Qlib's binary
/// format and is imported alone; its prices count as adjusted unless `options.price_basis` says
/// otherwise, and its lists of instruments become fields. See [`read_qlib`](crate::read_qlib).
pub fn import_files(files: &[PathBuf], options: &ImportOptions) -> Result<Import, DatasetError> {
    options.columns.check()?;
    let files = expand(files)?;
    let names: Vec<String> = files.iter().map(|file| name_of(file)).collect();
    let mut collector = Collector::new(options);
    let mut sources = Vec::with_capacity(files.len());
    for file in &files {
        if is_qlib_folder(file) {
            sources.push(source::read_qlib(file, &mut collector)?);
            continue;
        }
        sources.push(read_file(file, &mut collector)?);
    }
    let (rows, mut log, carried) = collector.finish();
    let table = clean::clean(rows, options, &names, &mut log)?;
    let panel = table.into_panel(&names, options)?;
    // A Qlib folder's are turned already, whatever was asked for.
    let settled = carried.raw && files.iter().any(|file| is_qlib_folder(file));
    let asked = options.price_basis.filter(|_| !settled);
    let price_basis = asked.or(carried.raw.then_some(PriceBasis::Raw));
    let panel = basis::settle_factor(panel, price_basis, &mut log)?;
    let (panel, derived) = complete_columns(panel)?;
    // The checks tell of the missing volume too, and know of more.
    log.extend(derived.into_iter().filter(|finding| finding.code != FindingCode::MissingColumn));
    log.extend(check_panel(&panel, &options.checks));
    let findings = carried::merge(log.into_findings(), carried.findings);
    Ok(Import { rows: panel.rows() as u64, panel, findings, sources })
}

fn expand(files: &[PathBuf]) -> Result<Vec<PathBuf>, DatasetError> {
    let unreadable = |file: &Path, source| DatasetError::Read { file: file.to_owned(), source };
    let mut all = Vec::new();
    for file in files {
        if is_qlib_folder(file) && files.len() > 1 {
            return Err(DatasetError::MixedSources { folder: file.clone() });
        }
        if !file.is_dir() || is_qlib_folder(file) {
            all.push(file.clone());
            continue;
        }
        let entries = std::fs::read_dir(file).map_err(|source| unreadable(file, source))?;
        let mut inside = Vec::new();
        for entry in entries {
            let path = entry.map_err(|source| unreadable(file, source))?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_file() && matches!(extension, Some("csv" | "parquet")) {
                inside.push(path);
            }
        }
        inside.sort_unstable();
        all.extend(inside);
    }
    if all.is_empty() {
        let files = files.iter().map(|file| file.display().to_string()).collect();
        return Err(DatasetError::EmptyDataset { files });
    }
    Ok(all)
}

/// Reads a file into the collector while its checksum is taken.
fn read_file(file: &Path, collector: &mut Collector<'_>) -> Result<SourceFile, DatasetError> {
    let unreadable = |source| DatasetError::Read { file: file.to_owned(), source };
    let (reader, bytes) = open(file, collector.options.limits.file_bytes)?;
    let sha256 = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new();
        let sum = thread.spawn_scoped(scope, || checksum(reader)).map_err(unreadable)?;
        let read = source::read(file, collector);
        let sum = sum.join().unwrap_or_else(|_| Err(std::io::Error::other("its reader gave up")));
        sum.map_err(unreadable).and_then(|sha256| read.map(|()| sha256))
    })?;
    Ok(SourceFile { name: name_of(file), bytes, sha256 })
}

/// What a file of at most so many bytes is known by.
pub(crate) fn fingerprint(file: &Path, limit: u64) -> Result<SourceFile, DatasetError> {
    let (reader, bytes) = open(file, limit)?;
    let unreadable = |source| DatasetError::Read { file: file.to_owned(), source };
    let sha256 = checksum(reader).map_err(unreadable)?;
    Ok(SourceFile { name: name_of(file), bytes, sha256 })
}

/// A file and its size, which may not be more than the limit.
fn open(file: &Path, limit: u64) -> Result<(File, u64), DatasetError> {
    let unreadable = |source| DatasetError::Read { file: file.to_owned(), source };
    let reader = File::open(file).map_err(unreadable)?;
    let bytes = reader.metadata().map_err(unreadable)?.len();
    if bytes > limit {
        let file = name_of(file);
        return Err(DatasetError::TooLarge { file, what: "bytes", found: bytes, limit });
    }
    Ok((reader, bytes))
}

/// SHA-256 in hex of what is left to read.
fn checksum(mut reader: File) -> std::io::Result<String> {
    let mut digest = Sha256Stream::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(digest.finish()),
            read => digest.update(&buffer[..read]),
        }
    }
}

pub(crate) fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}
