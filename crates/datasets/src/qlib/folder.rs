use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use alphafleet_artifacts::Sha256Stream;
use alphafleet_market::{Finding, FindingCode};
use chrono::NaiveDateTime;

use super::listing::Span;
use super::plain_file::{self, corrupt};
use super::{QlibFrequency, bin, calendar, exact, listing, name};
use crate::error::DatasetError;
use crate::import::{Limits, PriceBasis, SourceFile};

const TEXT_BYTES: u64 = 64 << 20;
const UNIVERSES: u64 = 1_000;

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
    /// Absent: listed, but without features.
    folder: Option<String>,
    /// By field: whether a side file in double precision lies beside the `.bin`.
    files: BTreeMap<String, bool>,
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
    /// Where `all.txt` lists instruments, by their folder; absent without that file.
    listed: Option<BTreeMap<String, Vec<Span>>>,
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

    fn choose_frequency(&mut self) -> Result<QlibFrequency, DatasetError> {
        let names = plain_file::entries(&self.root.join("calendars"), UNIVERSES)?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(".txt"));
        let found: Vec<QlibFrequency> = stems.filter_map(|stem| stem.parse().ok()).collect();
        let day = QlibFrequency::day();
        let wanted = match (self.options.frequency, &found[..]) {
            (Some(asked), _) => asked,
            (None, [only]) => only,
            (None, _) => &day,
        };
        let others = || found.iter().filter(|&one| one != wanted).map(QlibFrequency::to_string);
        if !found.contains(wanted) {
            let (folder, wanted) = (self.root.clone(), wanted.to_string());
            let found = found.iter().map(QlibFrequency::to_string).collect();
            return Err(DatasetError::MissingFrequency { folder, wanted, found });
        }
        let others: Vec<_> = others().collect();
        if !others.is_empty() {
            let message = format!("frequencies were left out: {}", first_of(&others));
            self.find(FindingCode::FrequencyLeftOut, None, others.len(), message);
        }
        Ok(wanted.clone())
    }

    fn read_calendar(&mut self) -> Result<(), DatasetError> {
        let name = format!("calendars/{}.txt", self.frequency);
        let text = self.text(&name)?;
        let file = self.root.join(name);
        self.calendar = calendar::parse(&file.display().to_string(), &text, &self.frequency)?;
        let (found, limit) = (self.calendar.len() as u64, bin::MOST_BARS as u64);
        if found > limit {
            let file = file.display().to_string();
            return Err(DatasetError::TooLarge { file, what: "calendar entries", found, limit });
        }
        Ok(())
    }

    /// The symbols of all listings by their folder; `all.txt` has the say on how one is written.
    fn read_listings(&mut self) -> Result<BTreeMap<String, String>, DatasetError> {
        let names = plain_file::entries(&self.root.join("instruments"), UNIVERSES)?;
        let mut stems: Vec<_> = names.iter().filter_map(|n| n.strip_suffix(".txt")).collect();
        stems.sort_by_key(|&stem| (stem != "all", stem));
        let mut symbols: BTreeMap<String, String> = BTreeMap::new();
        for stem in &stems {
            let name = format!("instruments/{stem}.txt");
            let file = self.root.join(&name);
            if !name::is_universe(stem) {
                return Err(corrupt(&file, "no universe can be named so"));
            }
            let text = self.text(&name)?;
            let mut by_folder: BTreeMap<String, Vec<Span>> = BTreeMap::new();
            for span in listing::parse(&file.display().to_string(), &text)? {
                let folder = name::folder_of(&span.symbol).map_err(|why| corrupt(&file, why))?;
                let spans = by_folder.entry(folder.clone()).or_default();
                if let Some(other) = spans.first().filter(|other| other.symbol != span.symbol) {
                    let reason = format!("{} and {} share a folder", other.symbol, span.symbol);
                    return Err(corrupt(&file, reason));
                }
                symbols.entry(folder).or_insert_with(|| span.symbol.clone());
                spans.push(span);
            }
            if *stem == "all" {
                self.listed = Some(by_folder);
            }
            self.universes.insert((*stem).to_owned(), text);
        }
        stems.retain(|&stem| stem != "all");
        if !stems.is_empty() {
            let names: Vec<_> = stems.iter().map(|&stem| stem.to_owned()).collect();
            let message = format!(
                "universes were left out ({}); only a conversion back to Qlib has them again",
                first_of(&names)
            );
            self.find(FindingCode::UniverseLeftOut, None, stems.len(), message);
        }
        Ok(symbols)
    }

    fn index_features(&mut self, symbols: BTreeMap<String, String>) -> Result<(), DatasetError> {
        let root = self.root.join("features");
        let limits = self.options.limits;
        let mut folders: BTreeMap<String, String> = BTreeMap::new();
        for folder in plain_file::entries(&root, limits.instruments)? {
            let is_file = root.join(&folder).symlink_metadata().is_ok_and(|about| about.is_file());
            if is_file || folder.starts_with('.') && !symbols.contains_key(&folder.to_lowercase()) {
                continue;
            }
            if let Some(other) = folders.insert(folder.to_lowercase(), folder.clone()) {
                let reason = format!("{other} is there too: they differ in case only");
                return Err(corrupt(&root.join(folder), reason));
            }
        }
        let unlisted: Vec<String> =
            folders.keys().filter(|folder| !self.is_listed(folder)).cloned().collect();
        let mut symbols = symbols;
        for folder in &unlisted {
            symbols.entry(folder.clone()).or_insert_with(|| name::symbol_of(folder));
        }
        self.limit("instruments", symbols.len() as u64, limits.instruments)?;
        let mut fields = BTreeSet::new();
        for (key, symbol) in symbols {
            let folder = folders.remove(&key);
            let files = match &folder {
                Some(folder) => self.index_instrument(&root.join(folder))?,
                None => BTreeMap::new(),
            };
            fields.extend(files.keys().cloned());
            self.entries.push(Entry { symbol, folder, files });
        }
        self.entries.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        if let Some(pair) = self.entries.windows(2).find(|pair| pair[0].symbol == pair[1].symbol) {
            let reason = format!("two folders hold {}", pair[0].symbol);
            return Err(corrupt(&root, reason));
        }
        self.fields = fields.into_iter().collect();
        self.limit("columns", self.fields.len() as u64, limits.columns)?;
        self.tell_unlisted(&unlisted);
        self.tell_missing();
        Ok(())
    }

    fn is_listed(&self, folder: &str) -> bool {
        self.listed.as_ref().is_some_and(|listed| listed.contains_key(folder))
    }

    fn index_instrument(&self, folder: &Path) -> Result<BTreeMap<String, bool>, DatasetError> {
        // A field has two files, and the folder may hold other frequencies.
        let most = self.options.limits.columns.saturating_mul(16);
        let names = plain_file::entries(folder, most)?;
        let stem = |name: &'_ str, ending: &str| {
            let stem = name.strip_suffix(&format!(".{}.{ending}", self.frequency))?;
            Some(stem.to_owned())
        };
        let mut files = BTreeMap::new();
        for name in &names {
            let Some(field) = stem(name, "bin") else { continue };
            if !name::is_field(&field) {
                let reason = "no field can be named so: lower-case letters, digits and '_'";
                return Err(corrupt(&folder.join(name), reason));
            }
            files.insert(field, false);
        }
        for name in &names {
            let Some(field) = stem(name, "f64") else { continue };
            let Some(exact) = files.get_mut(&field) else {
                return Err(corrupt(&folder.join(name), "the .bin it belongs to is not there"));
            };
            *exact = true;
        }
        Ok(files)
    }

    fn tell_unlisted(&mut self, unlisted: &[String]) {
        if self.listed.is_some() && !unlisted.is_empty() {
            let message =
                format!("instruments are not in all.txt and were kept: {}", first_of(unlisted));
            self.find(FindingCode::UnlistedInstrument, None, unlisted.len(), message);
        }
    }

    fn tell_missing(&mut self) {
        let without = |has: &dyn Fn(&Entry) -> bool| {
            let missing = self.entries.iter().filter(|entry| !has(entry));
            missing.map(|entry| entry.symbol.clone()).collect::<Vec<_>>()
        };
        let mut found = vec![(None, without(&|entry| !entry.files.is_empty()))];
        for field in &self.fields {
            let has = |entry: &Entry| entry.files.is_empty() || entry.files.contains_key(field);
            found.push((Some(field.clone()), without(&has)));
        }
        for (field, missing) in found.into_iter().filter(|(_, missing)| !missing.is_empty()) {
            let what = field.as_deref().unwrap_or("features");
            let message = format!("{what}: no file for {}", first_of(&missing));
            self.find(FindingCode::MissingSeries, field.as_deref(), missing.len(), message);
        }
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
        let Some(listed) = &self.listed else { return };
        let Some(folder) = &self.entries[entry].folder else { return };
        let Some(spans) = listed.get(&folder.to_lowercase()) else { return };
        if !spans.iter().any(|span| span.first <= time && time <= span.last) {
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
        let bytes = self.load(name, TEXT_BYTES)?;
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

fn first_of(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        others => format!("{shown} and {others} more"),
    }
}
