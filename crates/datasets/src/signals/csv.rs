use std::path::Path;

use super::zones::Zones;
use super::{Places, SignalRow, check_rows};
use crate::error::DatasetError;
use crate::import::parse_time;

/// Every row of a CSV file, NaN for an empty score, with times of their zones.
pub(super) fn rows(file: &str, path: &Path) -> Result<(Vec<SignalRow>, Zones), DatasetError> {
    let corrupt = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(source) => DatasetError::Read { file: path.to_owned(), source },
        other => DatasetError::CorruptFile { file: file.to_owned(), reason: format!("{other:?}") },
    };
    let mut reader = csv::Reader::from_path(path).map_err(corrupt)?;
    let header: Vec<String> =
        reader.headers().map_err(corrupt)?.iter().map(str::to_owned).collect();
    let places = Places::of(file, &header)?;
    let (mut rows, mut zones) = (Vec::new(), Zones::default());
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(corrupt)? {
        check_rows(file, rows.len() + 1)?;
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let bad = |place: usize, expected| DatasetError::BadValue {
            file: file.to_owned(),
            row: rows.len() as u64 + 1,
            column: header[place].clone(),
            value: cell(place).to_owned(),
            expected,
        };
        let instrument = cell(places.instrument);
        if instrument.is_empty() {
            return Err(bad(places.instrument, "a name"));
        }
        let stamp = parse_time(cell(places.time))
            .ok_or_else(|| bad(places.time, "a date or a date with a time"))?;
        let score = number(cell(places.score)).ok_or_else(|| bad(places.score, "a number"))?;
        if let Some(offset) = stamp.offset {
            zones.note(rows.len(), offset.local_minus_utc());
        }
        rows.push(SignalRow { instrument: instrument.to_owned(), time: stamp.local, score });
    }
    Ok((rows, zones))
}

fn number(text: &str) -> Option<f64> {
    match text {
        "" | "NA" | "N/A" | "null" | "None" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}
