use std::fs::File;
use std::path::Path;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::zones::Zones;
use super::{Places, SignalRow, check_rows};
use crate::codec::check_codecs;
use crate::error::DatasetError;
use crate::import::parse_time;

/// Every row of a Parquet file, NaN for a null, with times of their zones.
pub(super) fn rows(file: &str, path: &Path) -> Result<(Vec<SignalRow>, Zones), DatasetError> {
    let corrupt = |error: &dyn std::fmt::Display| DatasetError::CorruptFile {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let source =
        File::open(path).map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(source).map_err(|error| corrupt(&error))?;
    check_codecs(file, builder.metadata())?;
    let columns: Vec<String> =
        builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let Places { instrument, time, score } = Places::of(file, &columns)?;
    let all = builder.metadata().file_metadata().num_rows().max(0) as usize;
    check_rows(file, all)?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), [instrument, time, score]);
    let names = [instrument, time, score].map(|place| columns[place].as_str());
    let reader = builder.with_projection(mask).build().map_err(|error| corrupt(&error))?;
    let (mut rows, mut zones) = (Vec::new(), Zones::default());
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
            let (Some(instrument), Some((time, east))) = (instrument, time) else {
                return Err(corrupt(&"a row has no instrument or no datetime"));
            };
            if let Some(east) = east {
                zones.note(rows.len(), east);
            }
            rows.push(SignalRow { instrument, time, score });
        }
    }
    Ok((rows, zones))
}

fn texts(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    let array = cast(array, &DataType::Utf8).ok()?;
    let array = array.as_string_opt::<i32>()?;
    Some(array.iter().map(|name| name.map(str::to_owned)).collect())
}

/// A time as its zone has it, and the seconds that the zone lies east of UTC if there is one.
type Moment = (NaiveDateTime, Option<i32>);

fn moments(array: &ArrayRef) -> Option<Vec<Option<Moment>>> {
    if matches!(array.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        let texts = texts(array)?;
        let moment = |text: String| {
            let stamp = parse_time(&text)?;
            Some((stamp.local, stamp.offset.map(|offset| offset.local_minus_utc())))
        };
        return Some(texts.into_iter().map(|text| text.and_then(moment)).collect());
    }
    let times =
        matches!(array.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    let named = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    // A name nobody knows: its times can only be taken as the UTC they are.
    let zone = named.as_ref().and_then(|name| name.parse::<Tz>().ok());
    let east = |time: &NaiveDateTime| {
        let of_zone = |zone: &Tz| zone.offset_from_utc_datetime(time).fix().local_minus_utc();
        named.as_ref().map(|_| zone.as_ref().map_or(0, of_zone))
    };
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let array = times.then(|| cast(array, &nanos).ok()).flatten()?;
    let array = array.as_primitive_opt::<TimestampNanosecondType>()?;
    let moment = |stamp: i64| {
        let time = DateTime::from_timestamp_nanos(stamp).naive_utc();
        let east = east(&time);
        let local = TimeDelta::seconds(i64::from(east.unwrap_or_default()));
        (time.checked_add_signed(local).unwrap_or(time), east)
    };
    Some(array.iter().map(|stamp| stamp.map(moment)).collect())
}

fn numbers(array: &ArrayRef) -> Option<Vec<f64>> {
    // A column of nulls alone has no type of its own.
    let numeric = array.data_type().is_numeric() || *array.data_type() == DataType::Null;
    let array = numeric.then(|| cast(array, &DataType::Float64).ok()).flatten()?;
    let array = array.as_primitive_opt::<Float64Type>()?;
    Some(array.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}
