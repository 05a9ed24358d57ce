use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use alphafleet_market::FindingCode;

use super::{Entry, QlibFolder};
use crate::error::DatasetError;
use crate::qlib::listing::{self, DayEnd, Span};
use crate::qlib::plain_file::{self, corrupt};
use crate::qlib::{QlibFrequency, bin, calendar, name};
use crate::universe::{Spans, first_of};

const UNIVERSES: u64 = 1_000;

/// What a folder holds, before any of its features is read.
impl QlibFolder<'_> {
    pub(super) fn choose_frequency(&mut self) -> Result<QlibFrequency, DatasetError> {
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

    pub(super) fn read_calendar(&mut self) -> Result<(), DatasetError> {
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
    pub(super) fn read_listings(&mut self) -> Result<BTreeMap<String, String>, DatasetError> {
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
            // What lies outside its listing is only told of: nothing is, on the listing's last day.
            let ends = if *stem == "all" { DayEnd::Whole } else { DayEnd::Midnight };
            for span in listing::parse(&file.display().to_string(), &text, ends)? {
                let folder = name::folder_of(&span.symbol).map_err(|why| corrupt(&file, why))?;
                let spans = by_folder.entry(folder.clone()).or_default();
                if let Some(other) = spans.first().filter(|other| other.symbol != span.symbol) {
                    let reason = format!("{} and {} share a folder", other.symbol, span.symbol);
                    return Err(corrupt(&file, reason));
                }
                symbols.entry(folder).or_insert_with(|| span.symbol.clone());
                spans.push(span);
            }
            let united = |(folder, spans): (String, Vec<Span>)| {
                let spans: Spans = spans.iter().map(|span| (span.first, span.last)).collect();
                (folder, spans)
            };
            let spans = by_folder.into_iter().map(united).collect();
            if *stem == "all" {
                self.listed = Some(spans);
            } else {
                self.lists.insert((*stem).to_owned(), spans);
            }
            self.universes.insert((*stem).to_owned(), text);
        }
        Ok(symbols)
    }

    pub(super) fn index_features(
        &mut self,
        symbols: BTreeMap<String, String>,
    ) -> Result<(), DatasetError> {
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
            self.entries.push(Entry { symbol, key, folder, files, has_bars: false });
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
}
