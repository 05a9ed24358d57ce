use std::fs::File;
use std::path::Path;

use alphafleet_market::AnnouncementsBuilder;
use csv::{ReaderBuilder, StringRecord};

use super::table::{TextRow, places};
use crate::bounded::Bounded;
use crate::error::DatasetError;

const BUFFER_BYTES: usize = 64 * 1024;
/// A row has five short cells; more is a quote that never closes.
const ROW_BYTES: u64 = 1 << 20;

pub(super) fn read(
    path: &Path,
    name: &str,
    builder: &mut AnnouncementsBuilder,
) -> Result<(), DatasetError> {
    let file =
        File::open(path).map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    let (bounded, spent) = Bounded::new(file, ROW_BYTES + BUFFER_BYTES as u64);
    let mut reader =
        ReaderBuilder::new().has_headers(true).buffer_capacity(BUFFER_BYTES).from_reader(bounded);
    let broken = |error: csv::Error| broken(path, name, error);
    let header = reader.headers().map_err(broken)?.clone();
    let places = places(name, &header.iter().collect::<Vec<_>>())?;
    let mut record = StringRecord::new();
    let mut row = 0;
    loop {
        spent.set(0);
        if !reader.read_record(&mut record).map_err(broken)? {
            return Ok(());
        }
        row += 1;
        let cells = places.map(|place| record.get(place).unwrap_or_default());
        TextRow { file: name, row, cells }.take(builder)?;
    }
}

fn broken(path: &Path, name: &str, error: csv::Error) -> DatasetError {
    match error.into_kind() {
        csv::ErrorKind::Io(source) if source.kind() == std::io::ErrorKind::FileTooLarge => {
            let (file, found, limit) = (name.to_owned(), ROW_BYTES + 1, ROW_BYTES);
            DatasetError::TooLarge { file, what: "bytes in one row", found, limit }
        }
        csv::ErrorKind::Io(source) => DatasetError::Read { file: path.to_owned(), source },
        kind => {
            let reason = format!("{kind:?}").chars().take(200).collect();
            DatasetError::CorruptFile { file: name.to_owned(), reason }
        }
    }
}
