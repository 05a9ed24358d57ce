use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Places, SignalRow, check_rows};
use crate::error::DatasetError;
use crate::import::parse_time;

/// Every row of a Parquet file, NaN for a null.
pub(super) fn rows(file: &str, path: &Path) -> Result<Vec<SignalRow>, DatasetError> {
    let corrupt = |error: &dyn std::fmt::Display| DatasetError::CorruptFile {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let source =
        File::open(path).map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(source).map_err(|error| corrupt(&error))?;
    let columns: Vec<String> =
        builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let Places { instrument, time, score } = Places::of(file, &columns)?;
    let all = builder.metadata().file_metadata().num_rows().max(0) as usize;
    check_rows(file, all)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), [instrument, time, score]);
    let names = [instrument, time, score].map(|place| columns[place].as_str());
    let reader = builder.with_projection(mask).build().map_err(|error| corrupt(&error))?;
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| corrupt(&error))?;
        let [instruments, times, scores] = names.map(|name| batch.column_by_name(name));
        let (Some(instruments), Some(times), Some(scores)) = (instruments, times, scores) else {
            return Err(corrupt(&"a column is not there"));
        };
        let found = texts(instruments).zip(moments(times)).zip(numbers(scores));
        let Some(((instruments, times), scores)) = found else {
            return Err(corrupt(&"instrument, datetime or score is of another type"));
        };
        let keys = instruments.into_iter().zip(times);
        for ((instrument, time), score) in keys.zip(scores) {
            let (Some(instrument), Some(time)) = (instrument, time) else {
                return Err(corrupt(&"a row has no instrument or no datetime"));
            };
            rows.push(SignalRow { instrument, time, score });
        }
    }
    Ok(rows)
}

fn texts(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let array = cast(array, &DataType::Utf8).ok()?;
    let array = array.as_string_opt::<i32>()?;
    Some(array.iter().map(|name| name.map(str::to_owned)).collect())
}

fn moments(array: &ArrayRef) -> Option<Vec<Option<NaiveDateTime>>> {
    if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let texts = texts(array)?;
        let local = |text: String| parse_time(&text).map(|stamp| stamp.local);
        return Some(texts.into_iter().map(|text| text.and_then(local)).collect());
    }
    let times =
        matches!(array.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let array = times.then(|| cast(array, &nanos).ok()).flatten()?;
    let array = array.as_primitive_opt::<TimestampNanosecondType>()?;
    let moment = |stamp: i64| DateTime::from_timestamp_nanos(stamp).naive_utc();
    Some(array.iter().map(|stamp| stamp.map(moment)).collect())
}

fn numbers(array: &ArrayRef) -> Option<Vec<f64>> {
    // A column of nulls alone has no type of its own.
    let numeric = array.data_type().is_numeric() || *array.data_type() == DataType::Null;
    let array = numeric.then(|| cast(array, &DataType::Float64).ok()).flatten()?;
    let array = array.as_primitive_opt::<Float64Type>()?;
    Some(array.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}
