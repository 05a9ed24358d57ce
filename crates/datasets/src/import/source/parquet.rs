use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::Source;
use crate::codec::check_codecs;
use crate::error::DatasetError;
use crate::import::carried;
use crate::import::collect::{Collector, Target};
use crate::import::layout::{Kind, Layout, resolve};
use crate::import::time::{Stamp, in_range, parse_time};

const BATCH_ROWS: usize = 16 * 1024;

pub(super) fn read(source: &Source<'_>, collector: &mut Collector<'_>) -> Result<(), DatasetError> {
    // The decoder is written for files that are what they say; a crafted one may make it panic.
    catch_unwind(AssertUnwindSafe(|| decode(source, collector)))
        .unwrap_or_else(|_| Err(corrupt(source, "the decoder gave up on it")))
}

fn decode(source: &Source<'_>, collector: &mut Collector<'_>) -> Result<(), DatasetError> {
    let file = File::open(source.path)
        .map_err(|error| DatasetError::Read { file: source.path.to_owned(), source: error })?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| corrupt(source, error))?
        .with_batch_size(BATCH_ROWS);
    let rows = check_size(source, &builder, collector)?;
    check_codecs(&source.file, builder.metadata())?;
    let metadata = builder.metadata().file_metadata().key_value_metadata();
    collector.carry(carried::read(&source.file, metadata.map_or(&[], |pairs| pairs))?);
    let schema = builder.schema().clone();
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| (field.name().clone(), kind(field.data_type())))
        .collect();
    let layout = resolve(&source.file, &columns, &collector.options.columns)?;
    let target = collector.begin(&source.file, &layout, rows)?;
    let mut rows = ParquetRows { source, layout, target, row: 0 };
    for batch in builder.build().map_err(|error| corrupt(source, error))? {
        rows.take(&batch.map_err(|error| corrupt(source, error))?, collector)?;
    }
    Ok(())
}

/// The rows the footer announces.
fn check_size(
    source: &Source<'_>,
    builder: &ParquetRecordBatchReaderBuilder<File>,
    collector: &Collector<'_>,
) -> Result<u64, DatasetError> {
    let limits = &collector.options.limits;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows())
        .map_err(|error| corrupt(source, error))?;
    let columns = builder.schema().fields().len() as u64;
    for (what, found, limit) in [("rows", rows, limits.rows), ("columns", columns, limits.columns)]
    {
        if found > limit {
            return Err(DatasetError::TooLarge { file: source.file.clone(), what, found, limit });
        }
    }
    Ok(rows)
}

struct ParquetRows<'a> {
    source: &'a Source<'a>,
    layout: Layout,
    target: Target,
    /// Rows taken so far.
    row: u64,
}

impl ParquetRows<'_> {
    fn take(
        &mut self,
        batch: &RecordBatch,
        collector: &mut Collector<'_>,
    ) -> Result<(), DatasetError> {
        let times = self.times(batch)?;
        let instruments = match self.layout.instrument {
            Some(column) => Some(self.cast(batch, column, &DataType::Utf8, "an instrument")?),
            None => None,
        };
        let mut fields: Vec<(usize, ArrayRef)> = Vec::with_capacity(self.target.columns.len());
        for (field, &column) in self.layout.fields.iter().zip(&self.target.columns) {
            let numeric = kind(batch.column(field.column).data_type()) == Kind::Number;
            match self.cast(batch, field.column, &DataType::Float64, "a number") {
                Ok(values) if numeric || field.known => fields.push((column, values)),
                Err(error) if field.known => return Err(error),
                _ => collector.not_numeric(column),
            }
        }
        for (at, &time) in times.iter().enumerate() {
            let instrument = match &instruments {
                Some(names) if names.is_valid(at) => names.as_string::<i32>().value(at),
                Some(_) => "",
                None => self.source.stem.as_str(),
            };
            if instrument.is_empty() {
                let column = self.layout.instrument.unwrap_or_default();
                return Err(self.bad(batch, column, at, "an instrument"));
            }
            collector.key(&self.source.file, instrument, time)?;
        }
        for (column, values) in &fields {
            collector.values(*column, values.as_primitive::<Float64Type>());
        }
        collector.fill();
        self.row += times.len() as u64;
        Ok(())
    }

    fn times(&self, batch: &RecordBatch) -> Result<Vec<Stamp>, DatasetError> {
        const EXPECTED: &str = "a time between the years 1678 and 2261";
        let column = self.layout.datetime;
        let array = batch.column(column);
        let bad = |at| self.bad(batch, column, at, EXPECTED);
        let zone = match array.data_type() {
            DataType::Timestamp(_, Some(zone)) => Zone::named(zone),
            _ => Zone::None,
        };
        if kind(array.data_type()) == Kind::Time {
            let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
            let array = self.cast(batch, column, &micros, EXPECTED)?;
            let values = array.as_primitive::<TimestampMicrosecondType>();
            let time = |at: usize| {
                let stamp =
                    values.is_valid(at).then(|| DateTime::from_timestamp_micros(values.value(at)));
                let time = stamp.flatten().map(|stamp| stamp.naive_utc());
                time.filter(|&time| in_range(time)).map(|t| zone.stamp(t)).ok_or_else(|| bad(at))
            };
            return (0..values.len()).map(time).collect();
        }
        let array = self.cast(batch, column, &DataType::Utf8, EXPECTED)?;
        let values = array.as_string::<i32>();
        let mut times = Vec::with_capacity(values.len());
        for at in 0..values.len() {
            let parsed = values.is_valid(at).then(|| parse_time(values.value(at)));
            times.push(parsed.flatten().ok_or_else(|| bad(at))?);
        }
        Ok(times)
    }

    fn cast(
        &self,
        batch: &RecordBatch,
        column: usize,
        to: &DataType,
        expected: &'static str,
    ) -> Result<ArrayRef, DatasetError> {
        let array = batch.column(column);
        if array.data_type() == to {
            return Ok(ArrayRef::clone(array));
        }
        let cast = cast(array, to).map_err(|_| self.bad(batch, column, 0, expected))?;
        // The cast turns what it cannot read into null.
        match (0..array.len()).find(|&at| cast.is_null(at) && array.is_valid(at)) {
            Some(at) if !self.says_nothing(array, at) => Err(self.bad(batch, column, at, expected)),
            _ => Ok(cast),
        }
    }

    fn says_nothing(&self, array: &ArrayRef, at: usize) -> bool {
        cast(&array.slice(at, 1), &DataType::Utf8).is_ok_and(|text| text.is_null(0))
    }

    fn bad(
        &self,
        batch: &RecordBatch,
        column: usize,
        at: usize,
        expected: &'static str,
    ) -> DatasetError {
        let array = batch.column(column);
        let text = (at < array.len())
            .then(|| cast(&array.slice(at, 1), &DataType::Utf8).ok())
            .flatten()
            .filter(|text| text.is_valid(0))
            .map(|text| text.as_string::<i32>().value(0).chars().take(64).collect());
        DatasetError::BadValue {
            file: self.target.file.clone(),
            row: self.row + at as u64 + 1,
            column: batch.schema_ref().field(column).name().clone(),
            value: text.unwrap_or_default(),
            expected,
        }
    }
}

/// The zone of a column of timestamps, which themselves are UTC then.
enum Zone {
    None,
    Known(Tz),
    /// A name nobody knows: its times can only be taken as the UTC they are.
    Unknown,
}

impl Zone {
    fn named(name: &str) -> Self {
        name.parse().map_or(Self::Unknown, Self::Known)
    }

    fn stamp(&self, time: NaiveDateTime) -> Stamp {
        let offset = match self {
            Self::None => return Stamp { local: time, offset: None },
            Self::Known(zone) => zone.offset_from_utc_datetime(&time).fix(),
            Self::Unknown => chrono::Utc.fix(),
        };
        Stamp { local: time + offset, offset: Some(offset) }
    }
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Kind::Time,
        DataType::Boolean => Kind::Text,
        other if other.is_numeric() => Kind::Number,
        _ => Kind::Text,
    }
}

fn corrupt(source: &Source<'_>, reason: impl ToString) -> DatasetError {
    let reason = reason.to_string().chars().take(300).collect();
    DatasetError::CorruptFile { file: source.file.clone(), reason }
}
