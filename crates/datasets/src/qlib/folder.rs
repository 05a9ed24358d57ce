mod index;
mod lists;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::{Finding, FindingCode};
use chrono::NaiveDateTime;

use super::plain_file::{self, corrupt};
use super::{QlibFrequency, bin, exact};
use crate::error::DatasetError;
use crate::import::{Limits, PriceBasis, SourceFile};
use crate::universe::{LIST_BYTES, Spans};

/// How to open a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenOptions<'a> {
    /// Absent: the only one, or else `day`.
    pub frequency: Option<&'a QlibFrequency>,
    /// What the prices of the `.bin` files are.
    pub price_basis: PriceBasis,
    pub limits: &'a Limits,
}

/// One field of one instrument: the calendar index of its first bar, and a value a bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub start: usize,
    pub values: Vec<f64>,
    /// From a side file in double precision, whose values are raw.
    pub exact: bool,
}

/// An instrument and the files it has.
#[derive(Debug)]
pub(crate) struct Entry {
    pub symbol: String,
    /// What its folder would be called, in lower case: what lists are matched by.
    key: String,
    /// Absent: listed, but without features.
    folder: Option<String>,
    /// By field: whether a side file in double precision lies beside the `.bin`.
    files: BTreeMap<String, bool>,
    has_bars: bool,
}

/// A Qlib folder of one frequency, its index read and its features still to come.
#[derive(Debug)]
pub(crate) struct QlibFolder<'a> {
    root: PathBuf,
    options: OpenOptions<'a>,
    pub frequency: QlibFrequency,
    pub calendar: Vec<NaiveDateTime>,
    /// `instruments/*.txt` as they are, by stem.
    pub universes: BTreeMap<String, String>,
    /// By symbol; ascending.
    pub entries: Vec<Entry>,
    /// All fields of any instrument; ascending.
    pub fields: Vec<String>,
    pub findings: Vec<Finding>,
    /// When `all.txt` lists instruments, by their folder; absent without that file.
    listed: Option<BTreeMap<String, Spans>>,
    /// When the other lists have instruments, by stem and folder.
    lists: BTreeMap<String, BTreeMap<String, Spans>>,
    outside: u64,
    digest: Sha256Stream,
    bytes: u64,
}

impl<'a> QlibFolder<'a> {
    pub fn open(root: &Path, options: OpenOptions<'a>) -> Result<Self, DatasetError> {
        let mut folder = Self {
            root: root.to_owned(),
            options,
            frequency: QlibFrequency::day(),
            calendar: Vec::new(),
            universes: BTreeMap::new(),
            entries: Vec::new(),
            fields: Vec::new(),
            findings: Vec::new(),
            listed: None,
            lists: BTreeMap::new(),
            outside: 0,
            digest: Sha256Stream::default(),
            bytes: 0,
        };
        folder.frequency = folder.choose_frequency()?;
        folder.read_calendar()?;
        let symbols = folder.read_listings()?;
        folder.index_features(symbols)?;
        Ok(folder)
    }

    fn find(&mut self, code: FindingCode, column: Option<&str>, count: usize, message: String) {
        let count = count as u64;
        self.findings.push(Finding { count, ..Finding::whole(code, column, message) });
    }

    fn limit(&self, what: &'static str, found: u64, limit: u64) -> Result<(), DatasetError> {
        if found <= limit {
            return Ok(());
        }
        let file = self.root.display().to_string();
        Err(DatasetError::TooLarge { file, what, found, limit })
    }

    /// Refuses more than a panel of all instruments, entries and fields may have.
    pub fn check_panel_size(&self) -> Result<(), DatasetError> {
        let limits = self.options.limits;
        let cells = self.calendar.len() as u64 * self.entries.len() as u64;
        self.limit("cells (instruments × times)", cells, limits.cells)?;
        let values = cells.saturating_mul(self.fields.len() as u64);
        self.limit("values (cells × columns)", values, limits.values)
    }

    /// All of an instrument's series, one a field of [`QlibFolder::fields`], as they are stored.
    pub fn series(&mut self, entry: usize) -> Result<Vec<Option<Series>>, DatasetError> {
        let Entry { folder, files, .. } = &self.entries[entry];
        let Some(folder) = folder else { return Ok(vec![None; self.fields.len()]) };
        let stem = |field: &str| format!("features/{folder}/{field}.{}", self.frequency);
        let files: Vec<Option<(String, bool)>> = (self.fields.iter())
            .map(|field| files.get(field).map(|&exact| (stem(field), exact)))
            .collect();
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            all.push(match file {
                Some((stem, exact)) => Some(self.one_series(&stem, exact)?),
                None => None,
            });
        }
        Ok(all)
    }

    fn one_series(&mut self, stem: &str, exact: bool) -> Result<Series, DatasetError> {
        let name = format!("{stem}.bin");
        let most = 4 + 4 * self.calendar.len() as u64;
        let bytes = self.load(&name, most).map_err(|error| match error {
            DatasetError::TooLarge { found, .. } => {
                let entries = self.calendar.len();
                let reason = format!("{found} bytes, more than the calendar's {entries} bars take");
                corrupt(&self.root.join(&name), reason)
            }
            other => other,
        })?;
        let bin = bin::decode(&bytes, self.calendar.len())
            .map_err(|reason| corrupt(&self.root.join(&name), reason))?;
        if !exact {
            let values = bin.values.iter().map(|&value| widened(value)).collect();
            return Ok(Series { start: bin.start, values, exact });
        }
        let name = format!("{stem}.f64");
        let side = self.load(&name, self.options.limits.file_bytes)?;
        let values = exact::decode(&side, &bytes, self.options.price_basis, bin.values.len())
            .map_err(|reason| corrupt(&self.root.join(&name), reason))?;
        Ok(Series { start: bin.start, values, exact })
    }

    /// Notes that an instrument has a bar at a time, to count those outside its listing.
    pub fn note_bar(&mut self, entry: usize, time: NaiveDateTime) {
        let entry = &mut self.entries[entry];
        entry.has_bars = true;
        let Some(spans) = self.listed.as_ref().and_then(|listed| listed.get(&entry.key)) else {
            return;
        };
        if !spans.covers(time) {
            self.outside += 1;
        }
    }

    /// What was found, and the folder as one source: the checksum is over the names and contents
    /// of all files read.
    pub fn finish(mut self) -> (Vec<Finding>, SourceFile) {
        if self.outside > 0 {
            let outside = self.outside;
            let message = format!(
                "{outside} bars lie outside their instrument's listing in all.txt and were kept"
            );
            self.find(FindingCode::OutsideListing, None, outside as usize, message);
        }
        let name = self.root.file_name().unwrap_or(self.root.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let source = SourceFile { name, bytes: self.bytes, sha256: self.digest.finish() };
        (self.findings, source)
    }

    fn text(&mut self, name: &str) -> Result<String, DatasetError> {
        let bytes = self.load(name, LIST_BYTES)?;
        String::from_utf8(bytes).map_err(|_| corrupt(&self.root.join(name), "it is not UTF-8 text"))
    }

    fn load(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, DatasetError> {
        let bytes = plain_file::read(&self.root.join(name), limit)?;
        for part in [name.as_bytes(), &(bytes.len() as u64).to_le_bytes(), &bytes] {
            self.digest.update(part);
        }
        self.bytes += bytes.len() as u64;
        Ok(bytes)
    }
}

fn widened(value: f32) -> f64 {
    if value.is_nan() { f64::NAN } else { f64::from(value) }
}
