//! Market data in and out: import of CSV and Parquet, immutable checksummed versions, tables.
//!
//! [`import_files`] reads what people have and gives a checked [`Panel`](alphafleet_market::Panel)
//! of raw prices with [`Finding`](alphafleet_market::Finding)s; [`store_version`] writes it to
//! object storage under a manifest, and [`load_version`] reads it back and refuses a file that is
//! not what was written. [`read_announcements`] reads fundamentals with the days on which they
//! became known; [`store_announcements`] puts them beside a version's bars, and
//! [`load_announcements`] reads them back. Only what stores and loads is async; everything else is
//! plain synchronous code. [`read_signals`] reads files of scores, [`read_universe`] lists of who
//! belongs to a universe when. [`read_qlib`] and
//! [`export_qlib`] convert from and to Qlib's binary format without loss.

mod announcements;
mod bounded;
mod codec;
mod error;
pub mod features;
mod ic_file;
mod import;
mod panel_file;
mod qlib;
mod signals;
mod table;
mod universe;
mod version;

pub use alphafleet_artifacts::{ArtifactKey, ArtifactStore, open_store, sha256_hex};
pub use alphafleet_market::Adjustment;
pub use announcements::{read_announcements, write_announcements};
pub use error::DatasetError;
pub use ic_file::{IcFile, IcRows};
pub use import::{
    ColumnMapping, Import, ImportOptions, Limits, OutsideRange, PriceBasis, RowRule, SourceFile,
    import_files,
};
pub use panel_file::{panel_from_parquet, panel_to_parquet, read_panel, write_import, write_panel};
pub use qlib::{
    ConvertedFile, Precision, QlibExport, QlibFrequency, QlibLayout, QlibOptions, QlibPanel,
    export_qlib, is_qlib_folder, read_converted, read_qlib, write_converted,
};
pub use signals::{SignalFile, SignalRow, read_signals};
pub use table::{
    ColumnValues, KeyOrder, OwnedColumn, OwnedTable, OwnedValues, Table, TableColumn, TableFile,
    read_table, write_table, write_table_file,
};
pub use universe::{UniverseList, read_universe};
pub use version::{
    LoadedVersion, Manifest, ManifestAnnouncements, ManifestFile, NewAnnouncements, NewVersion,
    StoredVersion, VersionStatus, load_announcements, load_manifest, load_version, manifest_json,
    store_announcements, store_version, version_instruments,
};
