use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::NaiveDateTime;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::{ColumnValues, KeyOrder, Table, TableFile};
use crate::error::DatasetError;

/// Rows handed to the encoder at a time, so that a table is never copied as a whole.
const BATCH_ROWS: usize = 64 * 1024;
const ROW_GROUP_ROWS: usize = 1 << 20;
/// Of wide tables row groups have fewer rows: one is held in memory while it is written, and by many
/// a reader too.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Writes a table as Parquet (zstd; `datetime` in nanoseconds without zone). Equal tables give
/// equal bytes.
pub fn write_table<W: Write + Send, S: AsRef<str>>(
    writer: W,
    table: &Table<'_, S>,
) -> Result<(), DatasetError> {
    encode(writer, table, Vec::new())
}

fn encode<W: Write + Send, S: AsRef<str>>(
    writer: W,
    table: &Table<'_, S>,
    metadata: Vec<KeyValue>,
) -> Result<(), DatasetError> {
    let mut writer = TableWriter::new("table", writer, table, metadata)?;
    writer.append(table)?;
    writer.finish()?;
    Ok(())
}

/// Writes a table part by part. What is held of it is one row group.
pub(super) struct TableWriter<W: Write + Send> {
    /// The name errors use.
    file: String,
    schema: SchemaRef,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table with the columns and the order of keys of `like`, whose rows do not matter.
    pub fn new<S>(
        file: &str,
        writer: W,
        like: &Table<'_, S>,
        metadata: Vec<KeyValue>,
    ) -> Result<Self, DatasetError> {
        check(like)?;
        let schema = schema(like);
        let failed = |error| failed(file, error);
        let properties = table_properties(like, metadata).map_err(failed)?;
        let writer = ArrowWriter::try_new(writer, SchemaRef::clone(&schema), Some(properties))
            .map_err(failed)?;
        Ok(Self { file: file.to_owned(), schema, writer })
    }

    /// Adds the rows of a table with the same columns.
    pub fn append<S: AsRef<str>>(&mut self, table: &Table<'_, S>) -> Result<(), DatasetError> {
        check(table)?;
        if schema(table) != self.schema {
            let message = "its parts have different columns".to_owned();
            return Err(DatasetError::BadTable(message));
        }
        let rows = table.times.len();
        for start in (0..rows).step_by(BATCH_ROWS) {
            let batch = batch(table, &self.schema, start..rows.min(start + BATCH_ROWS))?;
            self.writer.write(&batch).map_err(|error| failed(&self.file, error))?;
        }
        Ok(())
    }

    /// Writes what is left and the footer, without which nothing can be read.
    pub fn finish(self) -> Result<W, DatasetError> {
        let Self { file, writer, .. } = self;
        writer.into_inner().map_err(|error| failed(&file, error))
    }
}

fn failed(file: &str, error: ParquetError) -> DatasetError {
    DatasetError::Write { file: file.to_owned(), source: Box::new(error) }
}

/// Writes a table to a file, replacing one that is there; see [`write_table`].
pub fn write_table_file<S: AsRef<str>>(
    path: &Path,
    table: &Table<'_, S>,
) -> Result<(), DatasetError> {
    write_table_file_with(path, table, Vec::new())
}

/// The same with key-value metadata.
pub(crate) fn write_table_file_with<S: AsRef<str>>(
    path: &Path,
    table: &Table<'_, S>,
    metadata: Vec<KeyValue>,
) -> Result<(), DatasetError> {
    let mut file = TableFile::create_with(path, table, metadata)?;
    file.append(table)?;
    file.finish()
}

/// Values in single precision are computed ones, which hardly repeat: looking for a dictionary of
/// them takes longer than all else.
fn table_properties<S>(
    table: &Table<'_, S>,
    metadata: Vec<KeyValue>,
) -> Result<WriterProperties, ParquetError> {
    let width: usize = table.columns.iter().map(|column| column.values.width()).sum();
    let rows = ROW_GROUP_ROWS.min((ROW_GROUP_BYTES / width.max(1)).max(BATCH_ROWS));
    let mut builder = properties(metadata)?.set_max_row_group_row_count(Some(rows));
    for column in &table.columns {
        if matches!(column.values, ColumnValues::F32(_)) {
            let path = ColumnPath::from(column.name);
            builder = builder.set_column_dictionary_enabled(path.clone(), false);
            builder = builder.set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT);
        }
    }
    Ok(builder.build())
}

/// How every file is written.
pub(crate) fn properties(metadata: Vec<KeyValue>) -> Result<WriterPropertiesBuilder, ParquetError> {
    Ok(WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("alphafleet".to_owned())
        .set_key_value_metadata((!metadata.is_empty()).then_some(metadata)))
}

fn check<S>(table: &Table<'_, S>) -> Result<(), DatasetError> {
    let rows = table.times.len();
    let lengths = table.columns.iter().map(|column| (column.name, column.values.len()));
    for (name, found) in lengths.chain([("instrument", table.instruments.len())]) {
        if found != rows {
            let message = format!("column {name} has {found} values, datetime has {rows}");
            return Err(DatasetError::BadTable(message));
        }
    }
    let mut names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    names.extend(["instrument", "datetime"]);
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DatasetError::BadTable(format!("column {} appears twice", pair[0])));
    }
    Ok(())
}

fn schema<S>(table: &Table<'_, S>) -> SchemaRef {
    let time = Field::new("datetime", DataType::Timestamp(TimeUnit::Nanosecond, None), false);
    let instrument = Field::new("instrument", DataType::Utf8, false);
    let mut fields = match table.keys {
        KeyOrder::DatetimeFirst => vec![time, instrument],
        KeyOrder::InstrumentFirst => vec![instrument, time],
    };
    fields.extend(table.columns.iter().map(|column| {
        let data_type = match column.values {
            ColumnValues::F32(_) => DataType::Float32,
            ColumnValues::F64(_) => DataType::Float64,
        };
        Field::new(column.name, data_type, true)
    }));
    Arc::new(Schema::new(fields))
}

fn batch<S: AsRef<str>>(
    table: &Table<'_, S>,
    schema: &SchemaRef,
    rows: Range<usize>,
) -> Result<RecordBatch, DatasetError> {
    let stamps = table.times[rows.clone()].iter().map(|time| nanoseconds(*time));
    let stamps = stamps.collect::<Result<Vec<i64>, _>>()?;
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(stamps));
    let names = table.instruments[rows.clone()].iter().map(|name| Some(name.as_ref()));
    let instrument: ArrayRef = Arc::new(names.collect::<StringArray>());
    let mut arrays = match table.keys {
        KeyOrder::DatetimeFirst => vec![time, instrument],
        KeyOrder::InstrumentFirst => vec![instrument, time],
    };
    for column in &table.columns {
        arrays.push(match column.values {
            ColumnValues::F32(values) => {
                let known = values[rows.clone()].iter().map(|v| (!v.is_nan()).then_some(*v));
                Arc::new(known.collect::<Float32Array>())
            }
            ColumnValues::F64(values) => {
                let known = values[rows.clone()].iter().map(|v| (!v.is_nan()).then_some(*v));
                Arc::new(known.collect::<Float64Array>())
            }
        });
    }
    RecordBatch::try_new(SchemaRef::clone(schema), arrays)
        .map_err(|error| DatasetError::BadTable(error.to_string()))
}

pub(crate) fn nanoseconds(time: NaiveDateTime) -> Result<i64, DatasetError> {
    time.and_utc().timestamp_nanos_opt().ok_or_else(|| {
        DatasetError::BadTable(format!("{time} lies outside the years 1678 to 2261"))
    })
}
