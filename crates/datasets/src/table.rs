mod file;
mod read;
mod write;

use chrono::NaiveDateTime;

pub use file::TableFile;
pub use read::read_table;
pub(crate) use read::{read_instruments, read_single};
pub(crate) use write::{nanoseconds, properties, write_table_file_with};
pub use write::{write_table, write_table_file};

/// Values of one column. NaN travels as a Parquet null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ColumnValues<'a> {
    F32(&'a [f32]),
    F64(&'a [f64]),
}

impl ColumnValues<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of a value.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::F32(_) => size_of::<f32>(),
            Self::F64(_) => size_of::<f64>(),
        }
    }
}

/// A named column of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableColumn<'a> {
    pub name: &'a str,
    pub values: ColumnValues<'a>,
}

/// Which of the two keys is the first column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOrder {
    /// `datetime, instrument, …`, as predictions are written.
    DatetimeFirst,
    /// `instrument, datetime, …`, as features are written.
    InstrumentFirst,
}

/// Rows keyed by instrument and time, for instance predictions or features. All slices are
/// equally long; columns are written in the order given, with their float type.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<'a, S> {
    pub instruments: &'a [S],
    pub times: &'a [NaiveDateTime],
    pub columns: Vec<TableColumn<'a>>,
    pub keys: KeyOrder,
}

/// A table as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedTable {
    pub instruments: Vec<String>,
    pub times: Vec<NaiveDateTime>,
    pub columns: Vec<OwnedColumn>,
}

impl OwnedTable {
    pub fn column(&self, name: &str) -> Option<&OwnedValues> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.values)
    }
}

/// A named column of an [`OwnedTable`].
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedColumn {
    pub name: String,
    pub values: OwnedValues,
}

/// Values as read back; a null is NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedValues {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl OwnedValues {
    /// The values in double precision.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Self::F32(values) => values.iter().copied().map(f64::from).collect(),
            Self::F64(values) => values.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
