use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDateTime;
use thiserror::Error;

use crate::columns::{moment, place};

/// Rows of a file at most.
const ROWS: usize = 10_000_000;
/// Distinct groups at most.
const GROUPS: usize = 10_000;

/// Why a file of groups cannot be used.
#[derive(Debug, Error)]
pub enum GroupsError {
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
    #[error(
        "{}: column {column} is missing; a file of groups has instrument, group, and perhaps from",
        path.display()
    )]
    MissingColumn { path: PathBuf, column: &'static str },
    #[error("{}, row {row}: '{value}' in column {column} is not {expected}", path.display())]
    BadValue {
        path: PathBuf,
        row: usize,
        column: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(
        "{}, row {row}: {instrument} has two groups from one day on; keep one",
        path.display()
    )]
    Twice { path: PathBuf, row: usize, instrument: String },
    #[error("{} has no row", path.display())]
    Empty { path: PathBuf },
    #[error("{} has more than {most} {what}", path.display())]
    TooLarge { path: PathBuf, what: &'static str, most: usize },
}

/// Which group, such as a sector, each instrument belongs to and from when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// What the groups are.
    pub(crate) title: String,
    pub(crate) names: Vec<String>,
    /// For each instrument the groups, as places in `names`, by the time from which they hold.
    pub(crate) members: BTreeMap<String, BTreeMap<NaiveDateTime, usize>>,
}

impl Groups {
    /// How many instruments have a group.
    pub fn instruments(&self) -> usize {
        self.members.len()
    }

    /// Whether this instrument ever has one.
    pub fn has(&self, instrument: &str) -> bool {
        self.members.contains_key(instrument)
    }
}

/// Reads groups from CSV: `instrument` (or `symbol`), `group` (or `sector`, or `industry`), any
/// text, and perhaps `from` (or `date`), the first day on which it holds. Without a day it holds
/// from the beginning; it holds until the instrument's next row.
///
/// # Errors
/// A file that cannot be read or has no row, a missing column, a group without name, a day that is
/// none, two groups of one instrument from the same day on.
pub fn read_groups(path: &Path) -> Result<Groups, GroupsError> {
    let failed = |source| GroupsError::Read { path: path.to_owned(), source };
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    let place = |names: &[&str]| place(&header, names);
    let needed = |column: &'static str, names: &[&str]| {
        place(names).ok_or_else(|| GroupsError::MissingColumn { path: path.to_owned(), column })
    };
    let instrument = needed("instrument", &["instrument", "symbol"])?;
    let group = needed("group", &["group", "sector", "industry"])?;
    let from = place(&["from", "date"]);
    let title = header.get(group).unwrap_or_default().trim().to_lowercase();
    let mut groups = Groups { title, ..Groups::default() };
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        let (row, too_large) = (at + 1, |what, most| {
            let path = path.to_owned();
            GroupsError::TooLarge { path, what, most }
        });
        if at >= ROWS {
            return Err(too_large("rows", ROWS));
        }
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let bad = |column, value: &str, expected| {
            let (path, value) = (path.to_owned(), value.to_owned());
            GroupsError::BadValue { path, row, column, value, expected }
        };
        let (name, member) = (cell(group), cell(instrument));
        if name.is_empty() || member.is_empty() {
            let column = if name.is_empty() { "group" } else { "instrument" };
            return Err(bad(column, "", "a name"));
        }
        let time = match from.map(cell).unwrap_or_default() {
            "" => NaiveDateTime::MIN,
            text => moment(text).ok_or_else(|| bad("from", text, "a date such as 2024-01-31"))?,
        };
        let next = places.len();
        let place = *places.entry(name.to_owned()).or_insert(next);
        if place == next {
            groups.names.push(name.to_owned());
        }
        if groups.names.len() > GROUPS {
            return Err(too_large("groups", GROUPS));
        }
        if groups.members.entry(member.to_owned()).or_default().insert(time, place).is_some() {
            let (path, instrument) = (path.to_owned(), member.to_owned());
            return Err(GroupsError::Twice { path, row, instrument });
        }
    }
    if groups.members.is_empty() {
        Err(GroupsError::Empty { path: path.to_owned() })
    } else {
        Ok(groups)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn read(text: &str) -> Result<Groups, GroupsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("groups.csv");
        std::fs::write(&path, text).unwrap();
        read_groups(&path)
    }

    #[test]
    fn groups_are_read_with_their_days() {
        let text = "symbol,sector,from\nA,Energy,\nB,Tech,\nA,Tech,2024-01-31\n";
        let groups = read(text).unwrap();
        assert_eq!((groups.title.as_str(), groups.instruments()), ("sector", 2));
        assert_eq!(groups.names, ["Energy", "Tech"]);
        let of_a: Vec<_> =
            groups.members["A"].iter().map(|(time, &group)| (*time, group)).collect();
        assert_eq!(of_a, [(NaiveDateTime::MIN, 0), (moment("2024-01-31").unwrap(), 1)]);
        assert_eq!(read("instrument,group\nA,x\n").unwrap().instruments(), 1);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("instrument\nA\n", "column group is missing"),
            ("group\nx\n", "column instrument is missing"),
            ("instrument,group\n", "has no row"),
            ("instrument,group\nA,\n", "row 1: '' in column group"),
            ("instrument,group,from\nA,x,soon\n", "row 1: 'soon' in column from"),
            ("instrument,group\nA,x\nA,y\n", "row 2: A has two groups"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
