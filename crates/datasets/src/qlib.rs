//! Qlib's binary format: a folder of `calendars/`, `instruments/` and `features/`, as Qlib's
//! `FileCalendarStorage`, `FileInstrumentStorage` and `FileFeatureStorage` read it and its
//! `dump_bin.py` writes it.

mod basis;
mod bin;
mod calendar;
mod carried;
mod exact;
mod export;
mod financial;
mod folder;
mod frequency;
mod layout;
mod listing;
mod lists;
mod name;
mod plain_file;
mod read;
mod rounded;

use std::path::Path;

pub(crate) use basis::to_raw;
pub use carried::{ConvertedFile, read_converted, write_converted};
pub use export::{Precision, QlibExport, export_qlib};
pub(crate) use financial::read_announcements;
pub(crate) use folder::{OpenOptions, QlibFolder, Series};
pub use frequency::QlibFrequency;
pub use layout::QlibLayout;
pub(crate) use listing::{DayEnd, parse as parse_listing};
pub use read::{QlibOptions, QlibPanel, read_qlib};

/// Whether this is a folder in Qlib's binary format: it has the folders `calendars`,
/// `instruments` and `features`.
pub fn is_qlib_folder(path: &Path) -> bool {
    ["calendars", "instruments", "features"].iter().all(|name| path.join(name).is_dir())
}
