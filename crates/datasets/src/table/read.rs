use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit, TimestampNanosecondType};
use bytes::Bytes;
use chrono::DateTime;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::{OwnedColumn, OwnedTable, OwnedValues};
use crate::error::DatasetError;

/// Reads a table that [`write_table`](super::write_table) wrote: `instrument` and `datetime` in
/// any place, every other column numeric. `file` is the name errors use.
pub fn read_table(file: &str, bytes: impl Into<Bytes>) -> Result<OwnedTable, DatasetError> {
    let bytes = bytes.into();
    let corrupt = |reason: String| DatasetError::CorruptFile { file: file.to_owned(), reason };
    // The decoder is written for files that are what they say; a crafted one may make it panic.
    catch_unwind(AssertUnwindSafe(|| decode(file, bytes)))
        .unwrap_or_else(|_| Err(corrupt("the decoder gave up on it".to_owned())))
}

/// One numeric column of a table in single precision, NaN where it has no value, in the order of
/// the rows; the others are not decoded.
pub(crate) fn read_single(
    file: &str,
    bytes: impl Into<Bytes>,
    column: &str,
) -> Result<Vec<f32>, DatasetError> {
    let bytes = bytes.into();
    let corrupt = |reason: String| DatasetError::CorruptFile { file: file.to_owned(), reason };
    catch_unwind(AssertUnwindSafe(|| decode_single(bytes, column)))
        .unwrap_or_else(|_| Err("the decoder gave up on it".to_owned()))
        .map_err(corrupt)
}

fn decode_single(bytes: Bytes, column: &str) -> Result<Vec<f32>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| text(&error))?;
    let wanted = ProjectionMask::columns(builder.parquet_schema(), [column]);
    let reader = builder.with_projection(wanted).build().map_err(|error| text(&error))?;
    let mut values = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| text(&error))?;
        let found = batch.column_by_name(column).ok_or_else(|| format!("no column {column}"))?;
        let array = cast(found, &DataType::Float32).map_err(|error| text(&error))?;
        let array = array.as_primitive::<Float32Type>();
        values.extend(array.iter().map(|value| value.unwrap_or(f32::NAN)));
    }
    Ok(values)
}

/// The instruments of such a table, without its other columns.
pub(crate) fn read_instruments(
    file: &str,
    bytes: impl Into<Bytes>,
) -> Result<BTreeSet<String>, DatasetError> {
    let bytes = bytes.into();
    let corrupt = |reason: String| DatasetError::CorruptFile { file: file.to_owned(), reason };
    catch_unwind(AssertUnwindSafe(|| {
        decode_instruments(bytes).map_err(|error| corrupt(error.to_string()))
    }))
    .unwrap_or_else(|_| Err(corrupt("the decoder gave up on it".to_owned())))
}

fn decode_instruments(bytes: Bytes) -> Result<BTreeSet<String>, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["instrument"]);
    let mut instruments = BTreeSet::new();
    for batch in builder.with_projection(columns).build()? {
        let batch = batch?;
        let Some(column) = batch.columns().first() else {
            return Err(ParquetError::General("there is no column instrument".to_owned()));
        };
        let names = cast(column, &DataType::Utf8)?;
        let names = names.as_string::<i32>();
        let mut last = None;
        // Rows of one instrument follow each other.
        for name in names.iter().flatten().filter(|name| last.replace(*name) != Some(*name)) {
            if !instruments.contains(name) {
                instruments.insert(name.to_owned());
            }
        }
    }
    Ok(instruments)
}

fn decode(file: &str, bytes: Bytes) -> Result<OwnedTable, DatasetError> {
    let corrupt = |error: &dyn std::fmt::Display| DatasetError::CorruptFile {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(|error| corrupt(&error))?;
    let schema = builder.schema().clone();
    let place = |name: &str| {
        schema.fields().iter().position(|field| field.name() == name).ok_or_else(|| {
            DatasetError::MissingColumn {
                file: file.to_owned(),
                column: name.to_owned(),
                found: schema.fields().iter().map(|field| field.name().clone()).collect(),
            }
        })
    };
    let (instrument, datetime) = (place("instrument")?, place("datetime")?);
    let others: Vec<usize> = (0..schema.fields().len())
        .filter(|column| ![instrument, datetime].contains(column))
        .collect();
    let empty = |&column: &usize| {
        let field = schema.field(column);
        let single = matches!(field.data_type(), DataType::Float32);
        let values =
            if single { OwnedValues::F32(Vec::new()) } else { OwnedValues::F64(Vec::new()) };
        OwnedColumn { name: field.name().clone(), values }
    };
    let mut table = OwnedTable {
        instruments: Vec::new(),
        times: Vec::new(),
        columns: others.iter().map(empty).collect(),
    };
    for batch in builder.build().map_err(|error| corrupt(&error))? {
        let batch = batch.map_err(|error| corrupt(&error))?;
        append(&mut table, &batch, (instrument, datetime), &others)
            .map_err(|error| corrupt(&error))?;
    }
    Ok(table)
}

fn append(
    table: &mut OwnedTable,
    batch: &RecordBatch,
    (instrument, datetime): (usize, usize),
    others: &[usize],
) -> Result<(), String> {
    let convert = |column: usize, to: &DataType| {
        let array = cast(batch.column(column), to).map_err(|error| error.to_string())?;
        let lost = array.null_count() > batch.column(column).null_count();
        if lost { Err(format!("column {column} is not {to}")) } else { Ok(array) }
    };
    let names = convert(instrument, &DataType::Utf8)?;
    let times = convert(datetime, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
    if names.null_count() + times.null_count() > 0 {
        return Err("a row has no instrument or no datetime".to_owned());
    }
    let names = names.as_string::<i32>();
    table.instruments.extend((0..names.len()).map(|at| names.value(at).to_owned()));
    let stamps = times.as_primitive::<TimestampNanosecondType>().values().iter();
    table.times.extend(stamps.map(|&stamp| DateTime::from_timestamp_nanos(stamp).naive_utc()));
    for (column, &place) in table.columns.iter_mut().zip(others) {
        match &mut column.values {
            OwnedValues::F32(values) => {
                let array = convert(place, &DataType::Float32)?;
                let array = array.as_primitive::<Float32Type>();
                values.extend(array.iter().map(|value| value.unwrap_or(f32::NAN)));
            }
            OwnedValues::F64(values) => {
                let array = convert(place, &DataType::Float64)?;
                let array = array.as_primitive::<Float64Type>();
                values.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
            }
        }
    }
    Ok(())
}
