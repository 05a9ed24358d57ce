//! Parquet files of any columns.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use chrono::NaiveDateTime;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::BacktestRunError;

/// Columns of equal length, in the order they are written.
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<(Cow<'static, str>, ArrayRef)>);

impl Columns {
    /// Times in nanoseconds without zone; null where there is none.
    pub fn times<T: Into<Option<NaiveDateTime>>>(
        self,
        name: impl Into<Cow<'static, str>>,
        values: impl Iterator<Item = T>,
    ) -> Self {
        let stamp = |time: T| time.into()?.and_utc().timestamp_nanos_opt();
        self.with(name, Arc::new(values.map(stamp).collect::<TimestampNanosecondArray>()))
    }

    pub fn texts<T: Into<Option<S>>, S: AsRef<str>>(
        self,
        name: impl Into<Cow<'static, str>>,
        values: impl Iterator<Item = T>,
    ) -> Self {
        self.with(name, Arc::new(values.map(T::into).collect::<StringArray>()))
    }

    /// What is not finite is null.
    pub fn floats<T: Into<Option<f64>>>(
        self,
        name: impl Into<Cow<'static, str>>,
        values: impl Iterator<Item = T>,
    ) -> Self {
        let finite = |value: T| value.into().filter(|value| value.is_finite());
        self.with(name, Arc::new(values.map(finite).collect::<Float64Array>()))
    }

    pub fn counts<T: Into<Option<i64>>>(
        self,
        name: impl Into<Cow<'static, str>>,
        values: impl Iterator<Item = T>,
    ) -> Self {
        self.with(name, Arc::new(values.map(T::into).collect::<Int64Array>()))
    }

    fn with(mut self, name: impl Into<Cow<'static, str>>, values: ArrayRef) -> Self {
        self.0.push((name.into(), values));
        self
    }

    /// Writes the columns, zstd-compressed. Equal columns give equal bytes.
    pub fn write(self, path: &Path) -> Result<(), BacktestRunError> {
        let broken = |source| BacktestRunError::Parquet { path: path.to_owned(), source };
        let failed = |source| BacktestRunError::Write { path: path.to_owned(), source };
        let nullable = self.0.into_iter().map(|(name, values)| (name, values, true));
        let batch = RecordBatch::try_from_iter_with_nullable(nullable)
            .map_err(|error| broken(ParquetError::ArrowError(error.to_string())))?;
        let level = ZstdLevel::try_new(3).map_err(broken)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by("alphafleet".to_owned())
            .build();
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        let mut writer =
            ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).map_err(broken)?;
        writer.write(&batch).and_then(|()| writer.close()).map_err(broken)?;
        file.flush().map_err(failed)
    }
}
