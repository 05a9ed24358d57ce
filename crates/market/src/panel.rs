mod builder;
mod columns;
mod layout;
mod members;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDateTime;
use thiserror::Error;

use crate::announcements::Announcements;
pub use builder::{PanelBuilder, PanelRow};
pub use columns::PanelColumns;

/// Bars of many instruments on one shared calendar.
///
/// A field is stored instrument by instrument: the value of instrument `i` at bar `t` lies at
/// `i * calendar.len() + t`. A bar an instrument does not have (before its listing, after its
/// delisting, on a suspended day) is NaN in every field. Instruments are sorted by name, the
/// calendar by time; both without duplicates. Beside the bars there may be [`Announcements`].
///
/// Of a universe that changes, such as an index, the panel knows who belongs to it when
/// ([`with_members`](Self::with_members)). The bars of the others stay: windows reach back before
/// a member joined, and what is held of one that left still has prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    calendar: Vec<NaiveDateTime>,
    instruments: Vec<String>,
    listed: Vec<Range<usize>>,
    fields: BTreeMap<String, Vec<f64>>,
    announcements: Arc<Announcements>,
    /// One a cell; without it all instruments belong to the universe always.
    members: Option<Vec<bool>>,
}

impl Panel {
    /// Bar times, ascending. A daily bar is stamped with midnight of its session date.
    pub fn calendar(&self) -> &[NaiveDateTime] {
        &self.calendar
    }

    /// Instrument names, ascending.
    pub fn instruments(&self) -> &[String] {
        &self.instruments
    }

    /// Names of the fields, without the `$`, ascending.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// The bars of instrument `i`, one value a calendar entry, or `None` for an unknown field.
    ///
    /// # Panics
    /// When `instrument` is not an index into [`Panel::instruments`].
    pub fn series(&self, field: &str, instrument: usize) -> Option<&[f64]> {
        let bars = self.calendar.len();
        self.fields.get(field).map(|values| &values[instrument * bars..(instrument + 1) * bars])
    }

    /// All values of a field, instrument by instrument, or `None` for an unknown field.
    pub fn field(&self, field: &str) -> Option<&[f64]> {
        self.fields.get(field).map(Vec::as_slice)
    }

    /// First to last bar the instrument has, as calendar indices. Inner bars may be missing.
    pub fn listed(&self, instrument: usize) -> Range<usize> {
        self.listed[instrument].clone()
    }

    /// Whether the instrument has any value at this bar.
    pub fn has_bar(&self, instrument: usize, bar: usize) -> bool {
        let at = instrument * self.calendar.len() + bar;
        self.fields.values().any(|values| !values[at].is_nan())
    }

    /// Bars that exist, over all instruments.
    pub fn rows(&self) -> usize {
        let mut seen = vec![false; self.calendar.len() * self.instruments.len()];
        for values in self.fields.values() {
            for (cell, value) in seen.iter_mut().zip(values) {
                *cell |= !value.is_nan();
            }
        }
        seen.into_iter().filter(|&bar| bar).count()
    }

    /// The panel without one of its fields; an unknown name changes nothing.
    #[must_use]
    pub fn without_field(mut self, name: &str) -> Self {
        self.fields.remove(name);
        self
    }

    /// The panel of those instruments alone that `keep` says yes to, on the same calendar.
    #[must_use]
    pub fn retain_instruments(self, keep: impl Fn(&str) -> bool) -> Self {
        let all = 0..self.instruments.len();
        let kept: Vec<usize> = all.filter(|&at| keep(&self.instruments[at])).collect();
        if kept.len() == self.instruments.len() { self } else { self.select(&kept) }
    }

    /// A panel of some of the instruments, by their places, on the same calendar.
    ///
    /// # Panics
    /// When the range reaches beyond the instruments.
    #[must_use]
    pub fn instruments_in(&self, range: Range<usize>) -> Self {
        self.select(&range.collect::<Vec<usize>>())
    }

    fn select(&self, kept: &[usize]) -> Self {
        let bars = self.calendar.len();
        let field =
            |(name, values): (&String, &Vec<f64>)| (name.clone(), select(values, bars, kept));
        let members = self.members.as_ref();
        Self {
            members: members.map(|members| select(members, bars, kept)),
            instruments: kept.iter().map(|&i| self.instruments[i].clone()).collect(),
            listed: kept.iter().map(|&i| self.listed[i].clone()).collect(),
            fields: self.fields.iter().map(field).collect(),
            calendar: self.calendar.clone(),
            announcements: Arc::clone(&self.announcements),
        }
    }

    /// What was announced of instruments by period; empty unless it was added.
    pub fn announcements(&self) -> &Announcements {
        &self.announcements
    }

    /// The panel with these announcements in the place of those it has.
    #[must_use]
    pub fn with_announcements(self, announcements: impl Into<Arc<Announcements>>) -> Self {
        Self { announcements: announcements.into(), ..self }
    }

    /// Adds a field or replaces it. `values` is laid out like every other field.
    pub fn with_field(mut self, name: &str, values: Vec<f64>) -> Result<Self, PanelError> {
        let expected = self.calendar.len() * self.instruments.len();
        if values.len() != expected {
            return Err(PanelError::Shape {
                field: name.to_owned(),
                expected,
                found: values.len(),
            });
        }
        self.fields.insert(name.to_owned(), values);
        Ok(self)
    }
}

/// Some instruments' part of one value a cell.
fn select<T: Copy>(values: &[T], bars: usize, kept: &[usize]) -> Vec<T> {
    let series: Vec<&[T]> = kept.iter().map(|&i| &values[i * bars..(i + 1) * bars]).collect();
    series.concat()
}

/// Why rows do not make a panel.
#[derive(Debug, Error, PartialEq)]
pub enum PanelError {
    #[error("a row has {found} values, the panel has {expected} fields")]
    Row { expected: usize, found: usize },
    #[error("field {field} has {found} values, the panel has {expected} cells")]
    Shape { field: String, expected: usize, found: usize },
    #[error("{instrument} has two bars at {time}")]
    Duplicate { instrument: String, time: NaiveDateTime },
    #[error("{instruments} instruments × {bars} bars × {fields} fields are too many")]
    TooLarge { bars: usize, instruments: usize, fields: usize },
    #[error(
        "the data have no field ${field}, which says who belongs to the universe when; they have \
         {}", found.join(", ")
    )]
    NoMembers { field: String, found: Vec<String> },
    #[error("${field} is 0 or missing on every bar: nobody ever belongs to the universe")]
    NeverMembers { field: String },
}
