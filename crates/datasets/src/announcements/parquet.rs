use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use alphafleet_market::{AnnouncementsBuilder, MAX_ANNOUNCEMENTS};
use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::table::{COLUMNS, TextRow, places};
use crate::codec::check_codecs;
use crate::error::DatasetError;

const BATCH_ROWS: usize = 16 * 1024;

pub(super) fn read(
    path: &Path,
    name: &str,
    builder: &mut AnnouncementsBuilder,
) -> Result<(), DatasetError> {
    // The decoder is written for files that are what they say; a crafted one may make it panic.
    catch_unwind(AssertUnwindSafe(|| decode(path, name, builder)))
        .unwrap_or_else(|_| Err(corrupt(name, "the decoder gave up on it")))
}

fn decode(path: &Path, name: &str, builder: &mut AnnouncementsBuilder) -> Result<(), DatasetError> {
    let file =
        File::open(path).map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| corrupt(name, error))?
        .with_batch_size(BATCH_ROWS);
    check_codecs(name, reader.metadata())?;
    let rows = u64::try_from(reader.metadata().file_metadata().num_rows())
        .map_err(|error| corrupt(name, error))?;
    let limit = MAX_ANNOUNCEMENTS as u64;
    if rows > limit {
        return Err(DatasetError::TooLarge {
            file: name.to_owned(),
            what: "rows",
            found: rows,
            limit,
        });
    }
    let schema = reader.schema().clone();
    let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let places = places(name, &found)?;
    let mut row = 0;
    for batch in reader.build().map_err(|error| corrupt(name, error))? {
        let batch = batch.map_err(|error| corrupt(name, error))?;
        let columns = text_columns(name, &batch, places)?;
        for at in 0..batch.num_rows() {
            row += 1;
            let cell =
                |column: &StringArray| column.is_valid(at).then(|| column.value(at).to_owned());
            let cells = columns.each_ref().map(|column| cell(column).unwrap_or_default());
            TextRow { file: name, row, cells: cells.each_ref().map(String::as_str) }
                .take(builder)?;
        }
    }
    Ok(())
}

/// The columns as text: days, zoned times and numbers are all written so that they read back as
/// what they are.
fn text_columns(
    file: &str,
    batch: &RecordBatch,
    places: [usize; 5],
) -> Result<[StringArray; 5], DatasetError> {
    let mut columns = Vec::with_capacity(5);
    for (place, column) in places.into_iter().zip(COLUMNS) {
        let array = batch.column(place);
        let wide = match array.data_type() {
            // So that no digit is lost on the way.
            DataType::Float16 | DataType::Float32 => cast(array, &DataType::Float64),
            _ => Ok(array.clone()),
        };
        let text = wide.and_then(|array| cast(&array, &DataType::Utf8));
        let text = text.map_err(|_| {
            corrupt(file, format!("column {column} has the type {}", array.data_type()))
        })?;
        columns.push(text.as_string::<i32>().clone());
    }
    columns.try_into().map_err(|_| corrupt(file, "a column is missing"))
}

fn corrupt(file: &str, reason: impl ToString) -> DatasetError {
    let reason = reason.to_string().chars().take(300).collect();
    DatasetError::CorruptFile { file: file.to_owned(), reason }
}
