//! Announcements in and out: a CSV or Parquet table, or the point-in-time part of a Qlib folder.

mod csv;
mod parquet;
mod stored;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use alphafleet_market::{Announcements, AnnouncementsBuilder};

use crate::error::DatasetError;
use crate::import::name_of;
use crate::qlib;
pub use stored::write_announcements;
pub(crate) use stored::{decode, encode};

/// Largest file that is taken, in bytes.
pub(crate) const FILE_BYTES: u64 = 4 << 30;

/// Reads announcements of fields by period.
///
/// A table has the columns `instrument`, `announced` (a day; of a time only its day counts),
/// `period` (201901 for the first quarter of 2019, or a year), `field` (ending with `_q` or `_a`)
/// and `value` (empty where none was given); others are left alone. A folder is one in Qlib's
/// format with `financial/` in it. Errors name the file and the row, counted from 1 without the
/// header.
pub fn read_announcements(path: &Path) -> Result<Announcements, DatasetError> {
    if path.is_dir() {
        return qlib::read_announcements(path);
    }
    let unreadable = |source| DatasetError::Read { file: path.to_owned(), source };
    let mut magic = Vec::with_capacity(4);
    let mut file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > FILE_BYTES {
        let (file, limit) = (name_of(path), FILE_BYTES);
        return Err(DatasetError::TooLarge { file, what: "bytes", found: bytes, limit });
    }
    (&mut file).take(4).read_to_end(&mut magic).map_err(unreadable)?;
    let name = name_of(path);
    let mut builder = AnnouncementsBuilder::default();
    if magic == b"PAR1" || path.extension().is_some_and(|extension| extension == "parquet") {
        parquet::read(path, &name, &mut builder)?;
    } else {
        csv::read(path, &name, &mut builder)?;
    }
    let built = builder.build();
    let announcements =
        built.map_err(|source| DatasetError::Announcement { file: name.clone(), source })?;
    match announcements.is_empty() {
        true => Err(DatasetError::EmptyAnnouncements { file: name }),
        false => Ok(announcements),
    }
}
