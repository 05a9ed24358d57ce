//! Files of scores: what a strategy goes by.

mod csv;
mod parquet;
#[cfg(test)]
mod tests;
mod zones;

use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use alphafleet_market::{Finding, FindingCode};
use chrono::NaiveDateTime;

use crate::error::DatasetError;
use zones::Zones;

/// Rows of a file at most.
const ROWS: u64 = 50_000_000;
/// Bytes of a file at most.
const BYTES: u64 = 4 << 30;

/// One score.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRow {
    pub instrument: String,
    /// The bar at whose close the score is known.
    pub time: NaiveDateTime,
    pub score: f64,
}

/// The scores of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalFile {
    /// By instrument and time, without missing scores.
    pub rows: Vec<SignalRow>,
    /// What was left out, and what became of zones.
    pub findings: Vec<Finding>,
}

/// Reads scores from Parquet, or else CSV: a column `instrument` or `symbol`, one `datetime` or
/// `date`, and `score`. Other columns are passed over, rows without a score left out with a
/// finding. Times with a zone become UTC; if most of a file's are midnights in their zone, they are
/// of days and keep the date they have there.
///
/// # Errors
/// A file that cannot be read, a column that is missing or of another type, a file of more than
/// 50,000,000 rows or 4 GiB, two scores of one instrument and time, no score at all.
pub fn read_signals(path: &Path) -> Result<SignalFile, DatasetError> {
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let rows = if is_parquet(path)? {
        // The decoder is written for files that are what they say; a crafted one may make it panic.
        catch_unwind(AssertUnwindSafe(|| parquet::rows(&file, path))).unwrap_or_else(|_| {
            let reason = "the decoder gave up on it".to_owned();
            Err(DatasetError::CorruptFile { file: file.clone(), reason })
        })?
    } else {
        csv::rows(&file, path)?
    };
    let (rows, zones) = rows;
    settle(file, rows, zones)
}

fn is_parquet(path: &Path) -> Result<bool, DatasetError> {
    let unreadable = |source| DatasetError::Read { file: path.to_owned(), source };
    let mut source = File::open(path).map_err(unreadable)?;
    let found = source.metadata().map_err(unreadable)?.len();
    if found > BYTES {
        let file = path.display().to_string();
        return Err(DatasetError::TooLarge { file, what: "bytes", found, limit: BYTES });
    }
    let mut magic = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut magic).map_err(unreadable)?;
    Ok(magic == b"PAR1")
}

fn settle(
    file: String,
    mut rows: Vec<SignalRow>,
    zones: Zones,
) -> Result<SignalFile, DatasetError> {
    let mut findings: Vec<Finding> = zones.settle(&mut rows).into_iter().collect();
    let all = rows.len();
    rows.retain(|row| !row.score.is_nan());
    if rows.is_empty() {
        return Err(DatasetError::NoScore { file });
    }
    let missing = all - rows.len();
    rows.sort_by(|a, b| (&a.instrument, a.time).cmp(&(&b.instrument, b.time)));
    let doubled = |pair: &&[SignalRow]| {
        pair[0].instrument == pair[1].instrument && pair[0].time == pair[1].time
    };
    if let Some([row, _]) = rows.windows(2).find(doubled) {
        let (instrument, time) = (row.instrument.clone(), row.time);
        return Err(DatasetError::DuplicateScore { file, instrument, time });
    }
    if missing > 0 {
        let message = format!("{missing} of {all} scores are missing: their rows were left out");
        findings.push(Finding::whole(FindingCode::MissingValues, Some("score"), message));
    }
    Ok(SignalFile { rows, findings })
}

/// Where a file has what is needed.
struct Places {
    instrument: usize,
    time: usize,
    score: usize,
}

impl Places {
    fn of(file: &str, columns: &[String]) -> Result<Self, DatasetError> {
        let place = |names: &[&str]| {
            let named = |name: &&str| {
                columns.iter().position(|column| column.trim().eq_ignore_ascii_case(name))
            };
            names.iter().find_map(named).ok_or_else(|| DatasetError::MissingColumn {
                file: file.to_owned(),
                column: names.join(" or "),
                found: columns.to_vec(),
            })
        };
        Ok(Self {
            instrument: place(&["instrument", "symbol"])?,
            time: place(&["datetime", "date"])?,
            score: place(&["score"])?,
        })
    }
}

fn check_rows(file: &str, found: usize) -> Result<(), DatasetError> {
    let found = found as u64;
    if found > ROWS {
        let file = file.to_owned();
        return Err(DatasetError::TooLarge { file, what: "rows", found, limit: ROWS });
    }
    Ok(())
}
