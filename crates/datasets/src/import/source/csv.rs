use std::fs::File;
use std::io;

use csv::{Reader, ReaderBuilder, StringRecord};

use super::Source;
use crate::bounded::Bounded;
use crate::error::DatasetError;
use crate::import::collect::{Collector, Target};
use crate::import::layout::{Kind, Layout, resolve};
use crate::import::time::parse_time;

const BUFFER_BYTES: usize = 64 * 1024;

pub(super) fn read(source: &Source<'_>, collector: &mut Collector<'_>) -> Result<(), DatasetError> {
    let file = File::open(source.path);
    let file =
        file.map_err(|error| DatasetError::Read { file: source.path.to_owned(), source: error })?;
    let limits = &collector.options.limits;
    let (bounded, spent) = Bounded::new(file, limits.row_bytes + BUFFER_BYTES as u64);
    let mut reader =
        ReaderBuilder::new().has_headers(true).buffer_capacity(BUFFER_BYTES).from_reader(bounded);
    let header = reader.headers().map_err(|error| broken(source, error, limits.row_bytes))?.clone();
    if header.is_empty() {
        return Err(DatasetError::EmptyDataset { files: vec![source.file.clone()] });
    }
    if header.len() as u64 > limits.columns {
        return Err(DatasetError::TooLarge {
            file: source.file.clone(),
            what: "columns",
            found: header.len() as u64,
            limit: limits.columns,
        });
    }
    let row_limit = limits.row_bytes;
    let mut record = StringRecord::new();
    let mut first = StringRecord::new();
    let next = |record: &mut StringRecord, reader: &mut Reader<Bounded<File>>| {
        spent.set(0);
        reader.read_record(record).map_err(|error| broken(source, error, row_limit))
    };
    let any = next(&mut first, &mut reader)?;
    let columns: Vec<_> = header
        .iter()
        .enumerate()
        .map(|(at, name)| (name.to_owned(), kind(first.get(at).unwrap_or_default())))
        .collect();
    let layout = resolve(&source.file, &columns, &collector.options.columns)?;
    let names = columns.into_iter().map(|(name, _)| name).collect();
    let target = collector.begin(&source.file, &layout, 0)?;
    let rows = CsvRows { source, layout, names, target };
    if any {
        rows.take(&first, collector)?;
        while next(&mut record, &mut reader)? {
            rows.take(&record, collector)?;
        }
    }
    Ok(())
}

struct CsvRows<'a> {
    source: &'a Source<'a>,
    layout: Layout,
    names: Vec<String>,
    target: Target,
}

impl CsvRows<'_> {
    fn take(
        &self,
        record: &StringRecord,
        collector: &mut Collector<'_>,
    ) -> Result<(), DatasetError> {
        let text = |column: usize| record.get(column).unwrap_or_default();
        let time = parse_time(text(self.layout.datetime));
        let time = time.ok_or_else(|| {
            self.bad(record, self.layout.datetime, "a time between the years 1678 and 2261")
        })?;
        let instrument = match self.layout.instrument {
            Some(column) => text(column).trim(),
            None => self.source.stem.as_str(),
        };
        if instrument.is_empty() {
            let column = self.layout.instrument.unwrap_or_default();
            return Err(self.bad(record, column, "an instrument"));
        }
        collector.row(&self.source.file, instrument, time)?;
        for (field, &column) in self.layout.fields.iter().zip(&self.target.columns) {
            match parse_number(text(field.column)) {
                Some(value) => collector.value(column, value),
                None if field.known => {
                    return Err(self.bad(record, field.column, "a number"));
                }
                None => collector.not_numeric(column),
            }
        }
        Ok(())
    }

    fn bad(&self, record: &StringRecord, column: usize, expected: &'static str) -> DatasetError {
        DatasetError::BadValue {
            file: self.target.file.clone(),
            row: record.position().map_or(0, csv::Position::line),
            column: self.names[column].clone(),
            value: record.get(column).unwrap_or_default().chars().take(64).collect(),
            expected,
        }
    }
}

/// Empty and the usual words for nothing are NaN.
fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(value) = text.parse::<f64>() {
        return Some(value);
    }
    let nothing = ["", "null", "na", "n/a", "none", "nan", "-", "<na>"];
    nothing.iter().any(|word| text.eq_ignore_ascii_case(word)).then_some(f64::NAN)
}

fn kind(text: &str) -> Kind {
    // A plain number such as 20200102 is an index here, not a time.
    match (text.trim().parse::<f64>().is_ok(), parse_time(text).is_some()) {
        (true, _) => Kind::Number,
        (_, true) => Kind::Time,
        _ => Kind::Text,
    }
}

fn broken(source: &Source<'_>, error: csv::Error, row_bytes: u64) -> DatasetError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            DatasetError::TooLarge {
                file: source.file.clone(),
                what: "bytes in one row",
                found: row_bytes + 1,
                limit: row_bytes,
            }
        }
        csv::ErrorKind::Io(error) => {
            DatasetError::Read { file: source.path.to_owned(), source: error }
        }
        csv::ErrorKind::Utf8 { pos, err } => DatasetError::CorruptFile {
            file: source.file.clone(),
            reason: format!("not UTF-8 text at line {}: {err}", pos.map_or(0, |pos| pos.line())),
        },
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => DatasetError::CorruptFile {
            file: source.file.clone(),
            reason: format!(
                "line {} has {len} values, the header {expected_len}",
                pos.map_or(0, |pos| pos.line())
            ),
        },
        kind => DatasetError::CorruptFile {
            file: source.file.clone(),
            reason: format!("{kind:?}").chars().take(200).collect(),
        },
    }
}
