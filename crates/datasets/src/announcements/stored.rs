use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use alphafleet_market::{AnnouncementRow, Announcements, AnnouncementsBuilder};
use arrow::array::{
    Array, AsArray, Date32Array, Float64Array, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Date32Type, Field, Float64Type, Schema, SchemaRef, UInt32Type};
use bytes::Bytes;
use chrono::{Datelike, NaiveDate};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::table::COLUMNS;
use crate::error::DatasetError;
use crate::table::properties;

const BATCH_ROWS: usize = 64 * 1024;
/// From the first day of the common era, which is its day 1, to 1970.
const EPOCH: i32 = 719_163;

/// Writes announcements as Parquet: the columns that
/// [`read_announcements`](crate::read_announcements) reads, ordered by field, instrument, day and
/// period; no value is null. Equal announcements give equal bytes.
pub(crate) fn encode<W: Write + Send>(
    writer: W,
    announcements: &Announcements,
) -> Result<(), DatasetError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| DatasetError::Write {
        file: "announcements".to_owned(),
        source: error,
    };
    let schema = schema();
    let properties = properties(Vec::new()).map_err(|error| failed(error.into()))?.build();
    let mut writer = ArrowWriter::try_new(writer, SchemaRef::clone(&schema), Some(properties))
        .map_err(|error| failed(error.into()))?;
    let mut rows = announcements.iter();
    loop {
        let part: Vec<AnnouncementRow<'_>> = rows.by_ref().take(BATCH_ROWS).collect();
        if part.is_empty() {
            break;
        }
        let batch = batch(&schema, &part).map_err(|error| failed(error.into()))?;
        writer.write(&batch).map_err(|error| failed(error.into()))?;
    }
    writer.close().map_err(|error| failed(error.into()))?;
    Ok(())
}

/// Writes a file of announcements, replacing one that is there: `encode`.
pub fn write_announcements(path: &Path, announcements: &Announcements) -> Result<(), DatasetError> {
    let failed = |error: std::io::Error| DatasetError::Write {
        file: path.display().to_string(),
        source: Box::new(error),
    };
    let mut writer = std::io::BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    encode(&mut writer, announcements)?;
    writer.flush().map_err(failed)
}

fn schema() -> SchemaRef {
    let [instrument, announced, period, field, value] = COLUMNS;
    Arc::new(Schema::new(vec![
        Field::new(instrument, DataType::Utf8, false),
        Field::new(announced, DataType::Date32, false),
        Field::new(period, DataType::UInt32, false),
        Field::new(field, DataType::Utf8, false),
        Field::new(value, DataType::Float64, true),
    ]))
}

fn batch(
    schema: &SchemaRef,
    rows: &[AnnouncementRow<'_>],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let days = rows.iter().map(|row| row.announced.num_days_from_ce() - EPOCH);
    let values = rows.iter().map(|row| (!row.value.is_nan()).then_some(row.value));
    let columns: Vec<Arc<dyn Array>> = vec![
        Arc::new(rows.iter().map(|row| Some(row.instrument)).collect::<StringArray>()),
        Arc::new(Date32Array::from_iter_values(days)),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.period))),
        Arc::new(rows.iter().map(|row| Some(row.field)).collect::<StringArray>()),
        Arc::new(values.collect::<Float64Array>()),
    ];
    RecordBatch::try_new(SchemaRef::clone(schema), columns)
}

/// Reads what `encode` wrote: the fields asked for alone, or all. `file` is the name errors use.
pub(crate) fn decode(
    file: &str,
    bytes: Vec<u8>,
    fields: Option<&BTreeSet<String>>,
) -> Result<Announcements, DatasetError> {
    let corrupt = |reason: String| DatasetError::CorruptFile { file: file.to_owned(), reason };
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))
        .map_err(|error| corrupt(error.to_string()))?;
    let same = |(found, own): (&Arc<Field>, &Arc<Field>)| {
        found.name() == own.name() && found.data_type() == own.data_type()
    };
    let own = schema();
    let found = reader.schema().fields();
    if found.len() != own.fields().len() || !found.iter().zip(own.fields()).all(same) {
        return Err(corrupt("its columns are not those of announcements".to_owned()));
    }
    let reader = reader.with_batch_size(BATCH_ROWS).build();
    let mut builder = AnnouncementsBuilder::default();
    let refused = |source| DatasetError::Announcement { file: file.to_owned(), source };
    for batch in reader.map_err(|error| corrupt(error.to_string()))? {
        let batch = batch.map_err(|error| corrupt(error.to_string()))?;
        for row in rows(&batch) {
            let row = row.ok_or_else(|| corrupt("a day cannot be".to_owned()))?;
            if fields.is_none_or(|fields| fields.contains(row.field)) {
                builder.push(row).map_err(refused)?;
            }
        }
    }
    builder.build().map_err(refused)
}

/// The rows of a batch of this file's columns; none for one whose day cannot be.
fn rows(batch: &RecordBatch) -> impl Iterator<Item = Option<AnnouncementRow<'_>>> {
    let instruments = batch.column(0).as_string::<i32>();
    let days = batch.column(1).as_primitive::<Date32Type>();
    let periods = batch.column(2).as_primitive::<UInt32Type>();
    let fields = batch.column(3).as_string::<i32>();
    let values = batch.column(4).as_primitive::<Float64Type>();
    (0..batch.num_rows()).map(move |at| {
        let day = days.value(at).checked_add(EPOCH).and_then(NaiveDate::from_num_days_from_ce_opt);
        Some(AnnouncementRow {
            instrument: instruments.value(at),
            field: fields.value(at),
            announced: day?,
            period: periods.value(at),
            value: if values.is_valid(at) { values.value(at) } else { f64::NAN },
        })
    })
}
