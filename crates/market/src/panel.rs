use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use chrono::NaiveDateTime;
use thiserror::Error;

use crate::announcements::Announcements;

/// Bars of many instruments on one shared calendar.
///
/// A field is stored instrument by instrument: the value of instrument `i` at bar `t` lies at
/// `i * calendar.len() + t`. A bar an instrument does not have (before its listing, after its
/// delisting, on a suspended day) is NaN in every field. Instruments are sorted by name, the
/// calendar by time; both without duplicates. Beside the bars there may be [`Announcements`].
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    calendar: Vec<NaiveDateTime>,
    instruments: Vec<String>,
    listed: Vec<Range<usize>>,
    fields: BTreeMap<String, Vec<f64>>,
    announcements: Arc<Announcements>,
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
        let bars = self.calendar.len();
        let kept: Vec<usize> = (0..self.instruments.len())
            .filter(|&instrument| keep(&self.instruments[instrument]))
            .collect();
        let select = |values: Vec<f64>| {
            kept.iter().flat_map(|&i| values[i * bars..(i + 1) * bars].iter().copied()).collect()
        };
        Self {
            instruments: kept.iter().map(|&i| self.instruments[i].clone()).collect(),
            listed: kept.iter().map(|&i| self.listed[i].clone()).collect(),
            fields: self.fields.into_iter().map(|(name, values)| (name, select(values))).collect(),
            calendar: self.calendar,
            announcements: self.announcements,
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

/// One bar of one instrument on its way into a [`Panel`]; `values` follows the builder's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRow<'a> {
    pub instrument: &'a str,
    pub time: NaiveDateTime,
    pub values: &'a [f64],
}

/// Collects rows in any order and lays them out as a [`Panel`].
#[derive(Debug, Default)]
pub struct PanelBuilder {
    fields: Vec<String>,
    instruments: BTreeMap<String, usize>,
    rows: Vec<(usize, NaiveDateTime)>,
    values: Vec<f64>,
}

impl PanelBuilder {
    pub fn new<S: Into<String>>(fields: impl IntoIterator<Item = S>) -> Self {
        Self { fields: fields.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub fn push(&mut self, row: PanelRow<'_>) -> Result<(), PanelError> {
        if row.values.len() != self.fields.len() {
            return Err(PanelError::Row { expected: self.fields.len(), found: row.values.len() });
        }
        let instrument = match self.instruments.get(row.instrument) {
            Some(&known) => known,
            None => {
                let next = self.instruments.len();
                self.instruments.insert(row.instrument.to_owned(), next);
                next
            }
        };
        self.rows.push((instrument, row.time));
        self.values.extend_from_slice(row.values);
        Ok(())
    }

    /// Lays the rows out. Two rows of one instrument and time are refused: the import decides
    /// which of them counts, not the panel.
    pub fn build(self) -> Result<Panel, PanelError> {
        let calendar = self.calendar();
        let (bars, width) = (calendar.len(), self.fields.len());
        let cells = cells(bars, self.instruments.len(), width)?;
        let mut order = vec![0; self.instruments.len()];
        for (sorted, &inserted) in self.instruments.values().enumerate() {
            order[inserted] = sorted;
        }
        let mut seen = vec![false; cells];
        let mut columns = vec![vec![f64::NAN; cells]; width];
        for (row, &(instrument, time)) in self.rows.iter().enumerate() {
            let bar = calendar.partition_point(|&known| known < time);
            let cell = order[instrument] * bars + bar;
            if std::mem::replace(&mut seen[cell], true) {
                let instrument = self.instruments.keys().nth(order[instrument]);
                return Err(PanelError::Duplicate {
                    instrument: instrument.cloned().unwrap_or_default(),
                    time,
                });
            }
            for (column, value) in columns.iter_mut().zip(&self.values[row * width..]) {
                column[cell] = *value;
            }
        }
        let listed = (0..self.instruments.len()).map(|i| listed(&seen[i * bars..(i + 1) * bars]));
        Ok(Panel {
            listed: listed.collect(),
            instruments: self.instruments.into_keys().collect(),
            fields: self.fields.into_iter().zip(columns).collect(),
            calendar,
            announcements: Arc::default(),
        })
    }

    fn calendar(&self) -> Vec<NaiveDateTime> {
        let mut calendar: Vec<_> = self.rows.iter().map(|&(_, time)| time).collect();
        calendar.sort_unstable();
        calendar.dedup();
        calendar
    }
}

/// Cells of a field, if all fields together can be addressed at all.
fn cells(bars: usize, instruments: usize, fields: usize) -> Result<usize, PanelError> {
    let bytes = [instruments, fields, size_of::<f64>()]
        .into_iter()
        .try_fold(bars, usize::checked_mul)
        .filter(|&bytes| isize::try_from(bytes).is_ok());
    match bytes {
        Some(_) => Ok(bars * instruments),
        None => Err(PanelError::TooLarge { bars, instruments, fields }),
    }
}

fn listed(seen: &[bool]) -> Range<usize> {
    let first = seen.iter().position(|&bar| bar).unwrap_or(0);
    let last = seen.iter().rposition(|&bar| bar).map_or(first, |bar| bar + 1);
    first..last
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
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use chrono::NaiveDate;

    use super::*;

    fn panel(rows: &[(&str, u32, f64)]) -> Panel {
        let mut builder = PanelBuilder::new(["close"]);
        for &(instrument, day, close) in rows {
            let time = NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap();
            builder.push(PanelRow { instrument, time, values: &[close] }).unwrap();
        }
        builder.build().unwrap()
    }

    #[test]
    fn rows_come_in_any_order() {
        let panel = panel(&[("B", 3, 1.0), ("A", 2, 2.0), ("B", 1, 3.0)]);
        assert_eq!(panel.instruments(), ["A", "B"]);
        assert_eq!(panel.calendar().len(), 3);
        assert_eq!((panel.listed(0), panel.listed(1)), (1..2, 0..3));
        assert!(panel.has_bar(1, 0) && !panel.has_bar(1, 1));
        assert_eq!(panel.rows(), 3);
    }

    #[test]
    fn a_panel_that_cannot_be_addressed_is_refused() {
        assert_eq!(cells(3, 4, 5), Ok(12));
        assert_eq!(cells(0, 4, 5), Ok(0));
        for (bars, instruments, fields) in [(usize::MAX, 2, 1), (1 << 31, 1 << 30, 1)] {
            let refused = Err(PanelError::TooLarge { bars, instruments, fields });
            assert_eq!(cells(bars, instruments, fields), refused);
        }
    }

    #[test]
    fn instruments_can_be_left_out() {
        let panel = panel(&[("A", 1, 1.0), ("B", 2, 2.0), ("C", 3, 3.0)]);
        let kept = panel.retain_instruments(|name| name != "B");
        assert_eq!(kept.instruments(), ["A", "C"]);
        assert_eq!((kept.calendar().len(), kept.listed(1)), (3, 2..3));
        assert_eq!(kept.series("close", 1).unwrap()[2], 3.0);
        assert_eq!(kept.field("close").unwrap().len(), 6);
    }
}
