//! Values by period with the day on which each became known: the fundamentals of companies.

mod builder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::NaiveDate;

pub use builder::{AnnouncementError, AnnouncementRow, AnnouncementsBuilder, MAX_ANNOUNCEMENTS};

/// A value of a period as it was announced on a day. A later one of the same period restates it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Announcement {
    pub announced: NaiveDate,
    /// A quarter (`year * 100 + quarter`) or a year; see [`PeriodLength`](crate::PeriodLength).
    pub period: u32,
    /// Finite, or NaN: announced without a value, or withdrawn.
    pub value: f64,
}

/// What was announced of instruments' fields by period, in the order in which it became known.
///
/// Nothing is ever overwritten: what was known on a day is what was announced until then, that day
/// included, as in Qlib's point-in-time database. Instruments need not be those of the panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Announcements {
    /// By field and instrument.
    records: BTreeMap<String, BTreeMap<String, Vec<Announcement>>>,
}

impl Announcements {
    /// Names of the fields, without the `$$`, ascending.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(String::as_str)
    }

    /// Every announcement of a field of an instrument, ascending by day; `None` where there is
    /// none. Of one day there is at most one for each period.
    pub fn of(&self, field: &str, instrument: &str) -> Option<&[Announcement]> {
        self.records.get(field)?.get(instrument).map(Vec::as_slice)
    }

    /// Whether anything was announced of an instrument.
    pub fn has_instrument(&self, instrument: &str) -> bool {
        self.records.values().any(|instruments| instruments.contains_key(instrument))
    }

    /// Names of the instruments, ascending.
    pub fn instruments(&self) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.records.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    pub fn rows(&self) -> usize {
        self.records.values().flat_map(BTreeMap::values).map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// All announcements, by field, instrument and day.
    pub fn iter(&self) -> impl Iterator<Item = AnnouncementRow<'_>> {
        self.records.iter().flat_map(|(field, instruments)| {
            instruments.iter().flat_map(move |(instrument, records)| {
                records.iter().map(move |record| AnnouncementRow {
                    instrument,
                    field,
                    announced: record.announced,
                    period: record.period,
                    value: record.value,
                })
            })
        })
    }
}
