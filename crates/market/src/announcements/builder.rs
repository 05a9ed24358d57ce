use std::collections::BTreeMap;

use chrono::NaiveDate;
use thiserror::Error;

use super::{Announcement, Announcements};
use crate::period::PeriodLength;

/// Most announcements that are taken.
pub const MAX_ANNOUNCEMENTS: usize = 50_000_000;
/// Longest name of a field or an instrument, in bytes.
const LONGEST_NAME: usize = 128;

/// An announcement on its way into [`Announcements`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnnouncementRow<'a> {
    pub instrument: &'a str,
    /// Without the `$$`; it ends with `_q` (quarterly) or `_a` (annual).
    pub field: &'a str,
    pub announced: NaiveDate,
    pub period: u32,
    pub value: f64,
}

/// Collects announcements in any order. Rows are counted from 1, and errors name them.
#[derive(Debug, Default)]
pub struct AnnouncementsBuilder {
    records: BTreeMap<String, BTreeMap<String, Vec<(Announcement, usize)>>>,
    rows: usize,
}

impl AnnouncementsBuilder {
    /// Takes a row, or says what is wrong with it.
    pub fn push(&mut self, row: AnnouncementRow<'_>) -> Result<(), AnnouncementError> {
        let at = self.rows + 1;
        if at > MAX_ANNOUNCEMENTS {
            return Err(AnnouncementError::TooMany { limit: MAX_ANNOUNCEMENTS });
        }
        check(at, &row)?;
        let record =
            Announcement { announced: row.announced, period: row.period, value: row.value };
        entry(entry(&mut self.records, row.field), row.instrument).push((record, at));
        self.rows = at;
        Ok(())
    }

    /// Orders the rows by the day of the announcement. Two different values of one period on one
    /// day are refused: nothing tells which one counts. Equal ones are taken once.
    pub fn build(self) -> Result<Announcements, AnnouncementError> {
        let mut records = BTreeMap::new();
        for (field, instruments) in self.records {
            let mut ordered = BTreeMap::new();
            for (instrument, rows) in instruments {
                let rows = order(&field, &instrument, rows)?;
                ordered.insert(instrument, rows);
            }
            records.insert(field, ordered);
        }
        Ok(Announcements { records })
    }
}

/// Looks up without making a new name each time.
fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    if !map.contains_key(name) {
        map.insert(name.to_owned(), T::default());
    }
    map.entry(name.to_owned()).or_default()
}

fn check(row: usize, given: &AnnouncementRow<'_>) -> Result<(), AnnouncementError> {
    for (column, name) in [("instrument", given.instrument), ("field", given.field)] {
        if name.is_empty() || name.len() > LONGEST_NAME {
            let length = name.len();
            return Err(AnnouncementError::Name { row, column, length, limit: LONGEST_NAME });
        }
    }
    let field = given.field;
    let plain = field.chars().all(|c| c.is_alphanumeric() || c == '_');
    let Some(length) = PeriodLength::of_field(field).filter(|_| plain) else {
        return Err(AnnouncementError::Field { row, field: field.to_owned() });
    };
    if length.ordinal(given.period).is_none() {
        let (field, period, expected) = (field.to_owned(), given.period, length.describe());
        return Err(AnnouncementError::Period { row, field, period, expected });
    }
    if given.value.is_infinite() {
        return Err(AnnouncementError::Value { row, value: given.value });
    }
    Ok(())
}

fn order(
    field: &str,
    instrument: &str,
    mut rows: Vec<(Announcement, usize)>,
) -> Result<Vec<Announcement>, AnnouncementError> {
    rows.sort_by_key(|(record, _)| (record.announced, record.period));
    let mut ordered: Vec<Announcement> = Vec::with_capacity(rows.len());
    let mut former = 0;
    for (record, row) in rows {
        let last = ordered.last();
        let last = last.filter(|l| (l.announced, l.period) == (record.announced, record.period));
        match last {
            Some(last) if !same(last.value, record.value) => {
                return Err(AnnouncementError::Contradiction {
                    row: row.max(former),
                    earlier: row.min(former),
                    instrument: instrument.to_owned(),
                    field: field.to_owned(),
                    period: record.period,
                    announced: record.announced,
                });
            }
            Some(_) => {}
            None => ordered.push(record),
        }
        former = row;
    }
    Ok(ordered)
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Why announcements cannot be used. Rows are counted from 1.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AnnouncementError {
    #[error("row {row}: {column} has {length} bytes, give 1 to {limit}")]
    Name { row: usize, column: &'static str, length: usize, limit: usize },
    #[error(
        "row {row}: field '{field}' is no field by period: name it with letters, digits and '_', \
         and end it with _q (quarterly) or _a (annual)"
    )]
    Field { row: usize, field: String },
    #[error("row {row}: period {period} of {field} is not {expected}")]
    Period { row: usize, field: String, period: u32, expected: &'static str },
    #[error("row {row}: value {value} is not finite; leave it empty where there is none")]
    Value { row: usize, value: f64 },
    #[error(
        "row {row}: {field} of {instrument} for {period} was announced on {announced} with another \
         value in row {earlier}; keep the one that counts"
    )]
    Contradiction {
        row: usize,
        earlier: usize,
        instrument: String,
        field: String,
        period: u32,
        announced: NaiveDate,
    },
    #[error("more than {limit} announcements")]
    TooMany { limit: usize },
}

impl AnnouncementError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "announcement_name",
            Self::Field { .. } => "announcement_field",
            Self::Period { .. } => "announcement_period",
            Self::Value { .. } => "announcement_value",
            Self::Contradiction { .. } => "announcement_contradiction",
            Self::TooMany { .. } => "too_many_announcements",
        }
    }
}
