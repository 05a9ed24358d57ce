use std::ops::Range;

use super::lanes::LANES;
use super::program::Precision;

/// Rows of a column: those kept of earlier blocks, then those of the present one.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Buffer {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Single(Vec::new())
    }
}

impl Buffer {
    pub(crate) fn new(precision: Precision, rows: usize) -> Self {
        match precision {
            Precision::Single => Self::Single(vec![f32::NAN; rows * LANES]),
            Precision::Double => Self::Double(vec![f64::NAN; rows * LANES]),
        }
    }

    /// All rows, or none where the column is of the other precision.
    #[inline(always)]
    pub(crate) fn singles(&self) -> &[f32] {
        match self {
            Self::Single(values) => values,
            Self::Double(_) => &[],
        }
    }

    #[inline(always)]
    pub(crate) fn doubles(&self) -> &[f64] {
        match self {
            Self::Double(values) => values,
            Self::Single(_) => &[],
        }
    }

    #[inline(always)]
    pub(crate) fn singles_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Single(values) => values,
            Self::Double(_) => &mut [],
        }
    }

    #[inline(always)]
    pub(crate) fn doubles_mut(&mut self) -> &mut [f64] {
        match self {
            Self::Double(values) => values,
            Self::Single(_) => &mut [],
        }
    }

    /// Makes rows missing where `missing(row, lane)` says so.
    pub(crate) fn hide(&mut self, rows: Range<usize>, missing: impl Fn(usize, usize) -> bool) {
        for row in rows {
            for lane in (0..LANES).filter(|&lane| missing(row, lane)) {
                match self {
                    Self::Single(values) => values[row * LANES + lane] = f32::NAN,
                    Self::Double(values) => values[row * LANES + lane] = f64::NAN,
                }
            }
        }
    }

    /// Some rows of it.
    pub(crate) fn slice(&self, rows: Range<usize>) -> Self {
        let cells = rows.start * LANES..rows.end * LANES;
        match self {
            Self::Single(values) => Self::Single(values[cells].to_vec()),
            Self::Double(values) => Self::Double(values[cells].to_vec()),
        }
    }

    /// Whether it has so many rows of this precision.
    pub(crate) fn is_of(&self, precision: Precision, rows: usize) -> bool {
        match self {
            Self::Single(values) => precision == Precision::Single && values.len() == rows * LANES,
            Self::Double(values) => precision == Precision::Double && values.len() == rows * LANES,
        }
    }

    /// Writes the newest of other rows of the same precision, as many as fit, before a row.
    pub(crate) fn put_before(&mut self, row: usize, rows: &Self) {
        let end = row * LANES;
        match (self, rows) {
            (Self::Single(own), Self::Single(rows)) => newest(&mut own[..end], rows),
            (Self::Double(own), Self::Double(rows)) => newest(&mut own[..end], rows),
            _ => {}
        }
    }

    /// Moves the newest of the rows used to where the next block expects its history.
    pub(crate) fn keep(&mut self, history: usize, rows: usize) {
        let newest = rows * LANES..(rows + history) * LANES;
        match self {
            Self::Single(values) => values.copy_within(newest, 0),
            Self::Double(values) => values.copy_within(newest, 0),
        }
    }
}

fn newest<T: Copy>(own: &mut [T], cells: &[T]) {
    let common = own.len().min(cells.len());
    let from = own.len() - common;
    own[from..].copy_from_slice(&cells[cells.len() - common..]);
}
