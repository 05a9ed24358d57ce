use std::ops::Range;

use chrono::NaiveDateTime;

use super::PanelError;
use crate::calendar::{distinct_times, find};

/// Rows that follow each other both in their source and in the panel.
struct Run {
    row: usize,
    cell: usize,
    rows: usize,
}

/// Where rows go in a panel.
pub(super) struct Layout {
    pub(super) calendar: Vec<NaiveDateTime>,
    /// First to last bar of each instrument.
    pub(super) listed: Vec<Range<usize>>,
    cells: usize,
    /// By cell.
    runs: Vec<Run>,
}

/// A row of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) row: usize,
    /// Its place among the panel's.
    pub(super) instrument: usize,
    pub(super) time: NaiveDateTime,
}

impl Layout {
    /// Rows may come in any order and take no more than twice the time if they do.
    ///
    /// # Errors
    /// When two rows have the same place, named by `name`, or the cells cannot be addressed.
    pub(super) fn of(
        keys: impl Iterator<Item = Key> + Clone,
        (instruments, fields): (usize, usize),
        name: impl Fn(usize) -> String,
    ) -> Result<Self, PanelError> {
        let calendar = distinct_times(keys.clone().map(|key| key.time));
        let bars = calendar.len();
        let cells = cells(bars, instruments, fields)?;
        let mut seen = vec![false; cells];
        let mut runs: Vec<Run> = Vec::new();
        let mut next = 0;
        for Key { row, instrument, time } in keys {
            let bar = find(&calendar, next, &time).unwrap_or_default();
            next = bar + 1;
            let cell = instrument * bars + bar;
            if std::mem::replace(&mut seen[cell], true) {
                return Err(PanelError::Duplicate { instrument: name(instrument), time });
            }
            match runs.last_mut() {
                Some(run) if (run.row + run.rows, run.cell + run.rows) == (row, cell) => {
                    run.rows += 1;
                }
                _ => runs.push(Run { row, cell, rows: 1 }),
            }
        }
        runs.sort_unstable_by_key(|run| run.cell);
        let listed = (0..instruments).map(|i| listed(&seen[i * bars..(i + 1) * bars])).collect();
        Ok(Self { calendar, listed, cells, runs })
    }

    /// A column of the source as a field.
    pub(super) fn field(&self, column: &[f64]) -> Vec<f64> {
        let mut field = Vec::with_capacity(self.cells);
        for run in &self.runs {
            field.resize(run.cell, f64::NAN);
            field.extend_from_slice(&column[run.row..run.row + run.rows]);
        }
        field.resize(self.cells, f64::NAN);
        field
    }
}

/// Cells of a field, if all fields together can be addressed at all.
pub(super) fn cells(bars: usize, instruments: usize, fields: usize) -> Result<usize, PanelError> {
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
