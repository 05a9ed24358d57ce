use std::collections::BTreeMap;
use std::path::Path;

use alphafleet_market::{Finding, FindingCode, Panel};
use chrono::NaiveDateTime;

use super::{LIST_BYTES, Spans, bars, csv, findings, first_of, membership, refuse_name};
use crate::error::DatasetError;
use crate::import::name_of;
use crate::qlib::{DayEnd, parse_listing};

/// Lines of a list at most.
const LINES: u64 = 2_000_000;

/// Who belongs to a universe when, of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct UniverseList {
    file: String,
    instruments: BTreeMap<String, Spans>,
    /// Columns that were passed over.
    ignored: Vec<String>,
}

/// A time during which an instrument belongs, both ends included.
pub(super) type Row = (String, (NaiveDateTime, NaiveDateTime));

/// Reads a universe's list: the instruments that belong to it and when, several times each if so.
///
/// Either a CSV file with a column `instrument` or `symbol`, perhaps one `start` or `from` and one
/// `end` or `to`, both included: days or times without a zone, an `end` without a time of day
/// being the whole of that day; empty or absent: always. Other columns are passed over.
/// Or else Qlib's text (`instruments/csi300.txt`): `SYMBOL`, `START` and `END` with tabs between
/// them and no header, compared as Qlib does: a day is its midnight.
///
/// # Errors
/// A file that cannot be read, of more than 64 MiB or 2,000,000 lines, without any instrument; a
/// line that is broken or ends before it begins, by its number.
pub fn read_universe(path: &Path) -> Result<UniverseList, DatasetError> {
    let file = name_of(path);
    let text = text(path, &file)?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().count() as u64;
    if lines > LINES {
        return Err(DatasetError::TooLarge { file, what: "lines", found: lines, limit: LINES });
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let (rows, ignored) = match first.contains('\t') {
        true => {
            let listed = parse_listing(&file, text, DayEnd::Midnight)?.into_iter();
            (listed.map(|span| (span.symbol, (span.first, span.last))).collect(), Vec::new())
        }
        false => csv::rows(&file, text)?,
    };
    let mut spans: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for (instrument, span) in rows {
        spans.entry(instrument).or_default().push(span);
    }
    if spans.is_empty() {
        return Err(DatasetError::EmptyUniverse { file });
    }
    let united = |(instrument, spans): (String, Vec<_>)| (instrument, spans.into_iter().collect());
    Ok(UniverseList { file, instruments: spans.into_iter().map(united).collect(), ignored })
}

fn text(path: &Path, file: &str) -> Result<String, DatasetError> {
    let unreadable = |source| DatasetError::Read { file: path.to_owned(), source };
    let mut bytes = Vec::new();
    let source = std::fs::File::open(path).map_err(unreadable)?;
    let mut source = std::io::Read::take(source, LIST_BYTES + 1);
    std::io::Read::read_to_end(&mut source, &mut bytes).map_err(unreadable)?;
    let (found, limit) = (bytes.len() as u64, LIST_BYTES);
    if found > limit {
        return Err(DatasetError::TooLarge { file: file.to_owned(), what: "bytes", found, limit });
    }
    String::from_utf8(bytes).map_err(|_| {
        let reason = "it is not UTF-8 text: name a list as CSV or in Qlib's form".to_owned();
        DatasetError::CorruptFile { file: file.to_owned(), reason }
    })
}

impl UniverseList {
    /// Names of the instruments, ascending.
    pub fn instruments(&self) -> impl Iterator<Item = &str> {
        self.instruments.keys().map(String::as_str)
    }

    /// The panel with the list as a field: 1 on the bars of an instrument while it belongs, 0 on
    /// its other bars, NaN where it has none. What [`Panel::with_members`] makes a universe of.
    /// Findings tell of instruments that have no bars and of columns passed over.
    ///
    /// # Errors
    /// `bad_universe` for a name that no further field can have; `strange_universe` when the panel
    /// has none of the instruments.
    pub fn add_to(&self, panel: Panel, name: &str) -> Result<(Panel, Vec<Finding>), DatasetError> {
        if let Some(reason) = refuse_name(name, panel.field_names()) {
            let (name, reason) = (name.chars().take(64).collect(), reason.to_owned());
            return Err(DatasetError::BadUniverse { name, reason });
        }
        let known = |instrument: &&str| {
            panel.instruments().binary_search_by(|own| own.as_str().cmp(instrument)).is_ok()
        };
        let strangers: Vec<&str> = self.instruments().filter(|name| !known(name)).collect();
        if strangers.len() == self.instruments.len() {
            let (file, listed) = (self.file.clone(), first_of(&strangers));
            let bars = first_of(panel.instruments());
            return Err(DatasetError::StrangeUniverse { file, listed, bars });
        }
        let values = membership(&panel, &bars(&panel, |_| true), |instrument| {
            self.instruments.get(&panel.instruments()[instrument])
        });
        let mut found = findings(name, self.instruments.len(), &strangers, values.contains(&1.0));
        if !self.ignored.is_empty() {
            let count = self.ignored.len() as u64;
            let columns = first_of(&self.ignored);
            let message = format!("{name}: columns of {} were passed over: {columns}", self.file);
            let whole = Finding::whole(FindingCode::IgnoredColumn, Some(name), message);
            found.push(Finding { count, ..whole });
        }
        Ok((panel.with_field(name, values)?, found))
    }
}
