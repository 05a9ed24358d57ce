use std::collections::{BTreeSet, HashMap};

use alphafleet_market::{Finding, FindingCode, FindingLog};
use arrow::array::{Array, Float64Array};
use chrono::NaiveDateTime;

use super::carried::Carried;
use super::layout::{Field, Layout};
use super::options::ImportOptions;
use super::time::Stamp;
use super::zones::ZonedRows;
use crate::error::DatasetError;

/// Rows of all sources, column by column, in the order they came. Missing is NaN.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub names: Vec<String>,
    /// Index into `names`.
    pub instruments: Vec<u32>,
    pub times: Vec<NaiveDateTime>,
    pub columns: Vec<(String, Vec<f64>)>,
    /// Whether a source had no instrument column and its stem served.
    pub named_by_file: bool,
}

impl Rows {
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|(known, _)| known == name).map(|(_, values)| &values[..])
    }
}

/// Takes rows from the sources and watches the limits.
pub(super) struct Collector<'a> {
    pub options: &'a ImportOptions,
    rows: Rows,
    known: HashMap<String, u32>,
    textual: BTreeSet<String>,
    carried: Carried,
    sources: usize,
    raw_sources: usize,
    zoned: ZonedRows,
    last: Option<u32>,
}

/// One source's columns as indices into the collector's.
pub(super) struct Target {
    pub file: String,
    pub columns: Vec<usize>,
}

impl<'a> Collector<'a> {
    pub fn new(options: &'a ImportOptions) -> Self {
        Self {
            options,
            rows: Rows::default(),
            known: HashMap::new(),
            textual: BTreeSet::new(),
            carried: Carried::default(),
            sources: 0,
            raw_sources: 0,
            zoned: ZonedRows::default(),
            last: None,
        }
    }

    /// Prepares the columns of a source; `announced` are its rows as far as it tells them.
    pub fn begin(
        &mut self,
        file: &str,
        layout: &Layout,
        announced: u64,
    ) -> Result<Target, DatasetError> {
        self.rows.named_by_file |= layout.instrument.is_none();
        let fresh = |field: &&Field| self.rows.column(&field.name).is_none();
        let columns = self.rows.columns.len() + layout.fields.iter().filter(fresh).count();
        let rows = (self.rows.times.len() as u64).saturating_add(announced);
        self.check_values(file, rows, columns)?;
        let columns = layout.fields.iter().map(|field| self.column(field)).collect();
        Ok(Target { file: file.to_owned(), columns })
    }

    fn check_values(&self, file: &str, rows: u64, columns: usize) -> Result<(), DatasetError> {
        let limit = self.options.limits.values;
        let found = rows.saturating_mul(columns as u64);
        if found <= limit {
            return Ok(());
        }
        let what = "values (rows × columns)";
        Err(DatasetError::TooLarge { file: file.to_owned(), what, found, limit })
    }

    fn column(&mut self, field: &Field) -> usize {
        let columns = &mut self.rows.columns;
        if let Some(known) = columns.iter().position(|(name, _)| *name == field.name) {
            return known;
        }
        columns.push((field.name.clone(), vec![f64::NAN; self.rows.times.len()]));
        columns.len() - 1
    }

    /// Adds a row; its values follow by [`Collector::value`] before the next row.
    pub fn row(&mut self, file: &str, instrument: &str, time: Stamp) -> Result<(), DatasetError> {
        self.key(file, instrument, time)?;
        self.fill();
        Ok(())
    }

    /// Adds a row whose values, and those of the rows after it, follow by [`Collector::values`].
    pub fn key(&mut self, file: &str, instrument: &str, time: Stamp) -> Result<(), DatasetError> {
        let too_large = |what, limit: u64| DatasetError::TooLarge {
            file: file.to_owned(),
            what,
            found: limit + 1,
            limit,
        };
        if self.rows.times.len() as u64 >= self.options.limits.rows {
            return Err(too_large("rows", self.options.limits.rows));
        }
        self.check_values(file, self.rows.times.len() as u64 + 1, self.rows.columns.len())?;
        // Rows of one instrument mostly follow each other.
        let same = self.last.filter(|&last| self.rows.names[last as usize] == instrument);
        let code = match same.or_else(|| self.known.get(instrument).copied()) {
            Some(code) => code,
            None => {
                if self.rows.names.len() as u64 >= self.options.limits.instruments {
                    return Err(too_large("instruments", self.options.limits.instruments));
                }
                let code = self.rows.names.len() as u32;
                self.rows.names.push(instrument.to_owned());
                self.known.insert(instrument.to_owned(), code);
                code
            }
        };
        self.last = Some(code);
        self.rows.instruments.push(code);
        if let Some(offset) = time.offset {
            self.zoned.note(self.rows.times.len(), time.local, offset);
        }
        self.rows.times.push(time.local);
        Ok(())
    }

    /// Gives the rows that came by [`Collector::key`] since the last [`Collector::fill`] their
    /// values; a column at most once.
    pub fn values(&mut self, column: usize, values: &Float64Array) {
        let own = &mut self.rows.columns[column].1;
        if values.null_count() == 0 {
            own.extend_from_slice(values.values());
        } else {
            own.extend(values.iter().map(|value| value.unwrap_or(f64::NAN)));
        }
    }

    /// Ends the rows that came by [`Collector::key`]: what they have no value of is missing.
    pub fn fill(&mut self) {
        for (_, values) in &mut self.rows.columns {
            values.resize(self.rows.times.len(), f64::NAN);
        }
    }

    /// Sets a value of the row added last.
    pub fn value(&mut self, column: usize, value: f64) {
        if let Some(last) = self.rows.columns[column].1.last_mut() {
            *last = value;
        }
    }

    /// The column holds something else than numbers and will be left out.
    pub fn not_numeric(&mut self, column: usize) {
        let name = &self.rows.columns[column].0;
        if !self.textual.contains(name) {
            self.textual.insert(name.clone());
        }
    }

    /// Takes what the present source says of itself.
    pub fn carry(&mut self, carried: Carried) {
        self.raw_sources += usize::from(carried.raw);
        self.carried.findings.extend(carried.findings);
    }

    /// Ends a source.
    pub fn end(&mut self) {
        self.sources += 1;
        self.zoned.end_source();
    }

    /// The rows, what was found on them, and what all sources say of themselves.
    pub fn finish(mut self) -> (Rows, FindingLog, Carried) {
        self.zoned.settle(&mut self.rows);
        self.carried.raw = self.sources > 0 && self.raw_sources == self.sources;
        let mut log = FindingLog::default();
        for name in &self.textual {
            let message = format!("column {name} does not hold numbers and was left out");
            log.push(Finding::whole(FindingCode::IgnoredColumn, Some(name), message));
        }
        self.rows.columns.retain(|(name, _)| !self.textual.contains(name));
        for (found, message) in [
            (self.zoned.to_utc, "times with a zone were turned into UTC"),
            (self.zoned.to_dates, "daily bars with a zone keep the date they have there"),
        ] {
            if found {
                log.push(Finding::whole(FindingCode::ZonedTimes, Some("datetime"), message));
            }
        }
        (self.rows, log, self.carried)
    }
}
