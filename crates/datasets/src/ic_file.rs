//! Each bar's information coefficients as a Parquet file.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use chrono::NaiveDateTime;
use parquet::arrow::ArrowWriter;

use crate::error::DatasetError;
use crate::table::{nanoseconds, properties};

/// The ICs of one factor over one horizon; all slices are equally long, one value a bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IcRows<'a> {
    pub factor: &'a str,
    /// In bars.
    pub horizon: u32,
    pub times: &'a [NaiveDateTime],
    /// Pearson correlation of factor and forward return; none for a bar without.
    pub ic: &'a [Option<f32>],
    /// Spearman correlation.
    pub rank_ic: &'a [Option<f32>],
    /// Instruments with both values.
    pub instruments: &'a [u32],
}

/// A file of ICs that is written factor by factor: `factor, horizon, datetime, ic, rank_ic,
/// instruments`, a row for each bar that has an IC. Equal rows give equal bytes.
pub struct IcFile {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<File>>,
}

impl IcFile {
    /// Begins a file, replacing one that is there.
    pub fn create(path: &Path) -> Result<Self, DatasetError> {
        let schema = schema();
        let file = File::create(path).map_err(|error| failed(path, error))?;
        let properties = properties(Vec::new()).map_err(|error| failed(path, error))?.build();
        let writer =
            ArrowWriter::try_new(BufWriter::new(file), SchemaRef::clone(&schema), Some(properties))
                .map_err(|error| failed(path, error))?;
        Ok(Self { path: path.to_owned(), schema, writer })
    }

    /// Appends the rows.
    pub fn append(&mut self, rows: &IcRows<'_>) -> Result<(), DatasetError> {
        let batch = batch(&self.schema, rows)?;
        self.writer.write(&batch).map_err(|error| failed(&self.path, error))
    }

    /// Ends the file; without it there is none that could be read.
    pub fn finish(self) -> Result<PathBuf, DatasetError> {
        let Self { path, writer, .. } = self;
        // Closing writes the footer and flushes what is buffered.
        let mut file = writer.into_inner().map_err(|error| failed(&path, error))?;
        std::io::Write::flush(&mut file).map_err(|error| failed(&path, error))?;
        Ok(path)
    }
}

fn failed(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> DatasetError {
    DatasetError::Write { file: path.display().to_string(), source: source.into() }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
    Arc::new(Schema::new(vec![
        Field::new("factor", DataType::Utf8, false),
        Field::new("horizon", DataType::UInt32, false),
        Field::new("datetime", time, false),
        Field::new("ic", DataType::Float32, true),
        Field::new("rank_ic", DataType::Float32, true),
        Field::new("instruments", DataType::UInt32, false),
    ]))
}

fn batch(schema: &SchemaRef, rows: &IcRows<'_>) -> Result<RecordBatch, DatasetError> {
    let bars = rows.times.len();
    for (name, found) in [
        ("ic", rows.ic.len()),
        ("rank_ic", rows.rank_ic.len()),
        ("instruments", rows.instruments.len()),
    ] {
        if found != bars {
            let message = format!("{name} has {found} values, datetime has {bars}");
            return Err(DatasetError::BadTable(message));
        }
    }
    let known = |bar: &usize| rows.ic[*bar].is_some() || rows.rank_ic[*bar].is_some();
    let kept: Vec<usize> = (0..bars).filter(known).collect();
    let stamps: Vec<i64> =
        kept.iter().map(|&bar| nanoseconds(rows.times[bar])).collect::<Result<_, _>>()?;
    let single = |values: &[Option<f32>]| -> ArrayRef {
        Arc::new(kept.iter().map(|&bar| values[bar]).collect::<Float32Array>())
    };
    let instruments = kept.iter().map(|&bar| rows.instruments[bar]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![rows.factor; kept.len()])),
        Arc::new(UInt32Array::from(vec![rows.horizon; kept.len()])),
        Arc::new(TimestampNanosecondArray::from(stamps)),
        single(rows.ic),
        single(rows.rank_ic),
        Arc::new(UInt32Array::from_iter_values(instruments)),
    ];
    RecordBatch::try_new(SchemaRef::clone(schema), columns)
        .map_err(|error| DatasetError::BadTable(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use arrow::array::AsArray;
    use arrow::datatypes::{Float32Type, UInt32Type};
    use chrono::{Days, NaiveDate, NaiveTime};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn days(bars: u64) -> Vec<NaiveDateTime> {
        let first = NaiveDate::from_ymd_opt(2024, 1, 30).unwrap();
        (0..bars).map(|bar| (first + Days::new(bar)).and_time(NaiveTime::MIN)).collect()
    }

    #[test]
    fn bars_with_an_ic_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = IcFile::create(&folder.path().join("ic.parquet")).unwrap();
        let times = days(3);
        let rows = IcRows {
            factor: "a",
            horizon: 1,
            times: &times,
            ic: &[Some(0.5), None, Some(-0.25)],
            rank_ic: &[Some(0.75), None, Some(0.0)],
            instruments: &[4, 0, 3],
        };
        file.append(&rows).unwrap();
        file.append(&IcRows { factor: "b", horizon: 5, ..rows }).unwrap();
        let path = file.finish().unwrap();

        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let all = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
        let factors: Vec<_> = all["factor"].as_string::<i32>().iter().flatten().collect();
        assert_eq!(factors, ["a", "a", "b", "b"]);
        let horizons = all["horizon"].as_primitive::<UInt32Type>();
        assert_eq!(horizons.values().to_vec(), [1, 1, 5, 5]);
        let ic = all["ic"].as_primitive::<Float32Type>();
        assert_eq!(ic.values().to_vec(), [0.5, -0.25, 0.5, -0.25]);
        let instruments = all["instruments"].as_primitive::<UInt32Type>();
        assert_eq!(instruments.values().to_vec(), [4, 3, 4, 3]);
    }

    #[test]
    fn slices_of_different_lengths_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = IcFile::create(&folder.path().join("ic.parquet")).unwrap();
        let times = days(2);
        let rows = IcRows {
            factor: "a",
            horizon: 1,
            times: &times,
            ic: &[None, None],
            rank_ic: &[None],
            instruments: &[0, 0],
        };
        assert_eq!(file.append(&rows).unwrap_err().code(), "bad_table");
    }
}
