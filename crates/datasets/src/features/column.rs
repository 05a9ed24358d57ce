use std::path::Path;

use alphafleet_artifacts::sha256_hex;
use bytes::Bytes;
use chrono::{NaiveDate, NaiveDateTime};

use crate::error::DatasetError;
use crate::table::{
    ColumnValues, KeyOrder, OwnedValues, Table, TableColumn, read_single, read_table,
    write_table_file,
};

const VALUE: &str = "value";

/// One feature over all instruments: a value a bar, in single precision; NaN where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureColumn {
    pub instruments: Vec<String>,
    pub times: Vec<NaiveDateTime>,
    pub values: Vec<f32>,
}

/// The values of one instrument, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InstrumentValues {
    pub times: Vec<NaiveDateTime>,
    pub values: Vec<f32>,
}

/// Writes `instrument, datetime, value` as Parquet, one row a bar. Equal columns give equal bytes.
pub fn write_feature<S: AsRef<str>>(
    path: &Path,
    instruments: &[S],
    times: &[NaiveDateTime],
    values: &[f32],
) -> Result<(), DatasetError> {
    let columns = vec![TableColumn { name: VALUE, values: ColumnValues::F32(values) }];
    write_table_file(path, &Table { instruments, times, columns, keys: KeyOrder::InstrumentFirst })
}

/// Reads a column back, if the bytes are those that were written (SHA-256 in hex). `file` is the
/// name errors use.
pub fn read_feature(
    file: &str,
    bytes: impl Into<Bytes>,
    sha256: &str,
) -> Result<FeatureColumn, DatasetError> {
    let bytes = bytes.into();
    check(file, &bytes, sha256)?;
    let table = read_table(file, bytes)?;
    match table.columns.into_iter().find(|column| column.name == VALUE) {
        Some(column) => Ok(FeatureColumn {
            instruments: table.instruments,
            times: table.times,
            values: single(column.values),
        }),
        None => Err(DatasetError::MissingColumn {
            file: file.to_owned(),
            column: VALUE.to_owned(),
            found: Vec::new(),
        }),
    }
}

/// A column's values alone, for whoever knows its bars: a fraction of the time of [`read_feature`].
pub fn read_feature_values(
    file: &str,
    bytes: impl Into<Bytes>,
    sha256: &str,
) -> Result<Vec<f32>, DatasetError> {
    let bytes = bytes.into();
    check(file, &bytes, sha256)?;
    read_single(file, bytes, VALUE)
}

fn check(file: &str, bytes: &Bytes, sha256: &str) -> Result<(), DatasetError> {
    let found = sha256_hex(bytes);
    if found.eq_ignore_ascii_case(sha256) {
        return Ok(());
    }
    let (key, expected) = (file.to_owned(), sha256.to_owned());
    Err(DatasetError::Tampered { key, expected, found })
}

fn single(values: OwnedValues) -> Vec<f32> {
    match values {
        OwnedValues::F32(values) => values,
        OwnedValues::F64(values) => values.into_iter().map(|value| value as f32).collect(),
    }
}

/// What a column has of one instrument from one day to another, both included; `None` if it does
/// not have the instrument at all.
pub fn read_instrument(
    column: &FeatureColumn,
    instrument: &str,
    (from, to): (Option<NaiveDate>, Option<NaiveDate>),
) -> Option<InstrumentValues> {
    let mut known = false;
    let mut found = InstrumentValues::default();
    for (row, name) in column.instruments.iter().enumerate() {
        if name != instrument {
            continue;
        }
        known = true;
        let day = column.times[row].date();
        if from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to) {
            found.times.push(column.times[row]);
            found.values.push(column.values[row]);
        }
    }
    known.then_some(found)
}
