use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use alphafleet_market::{Finding, Panel};
use parquet::file::metadata::KeyValue;
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{QlibLayout, QlibPanel};
use crate::error::DatasetError;
use crate::import::{Import, carried_by, metadata_of};
use crate::panel_file::{PanelRows, read_panel};
use crate::table::write_table_file_with;

const LAYOUT: &str = "alphafleet.qlib_layout";
const LAYOUT_BYTES: usize = 64 << 20;

/// A panel from a Parquet file of ours, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvertedFile {
    pub panel: Panel,
    pub findings: Vec<Finding>,
    /// Of the Qlib folder it was converted from.
    pub layout: Option<QlibLayout>,
}

/// Writes a Qlib folder that was read as its canonical Parquet file, which carries the layout and
/// what was found. Other readers see an ordinary file of ours.
///
/// # Errors
/// `too_large` when the layout takes more than 64 MiB; else as [`crate::write_import`].
pub fn write_converted(path: &Path, qlib: QlibPanel) -> Result<(), DatasetError> {
    let QlibPanel { panel, layout, findings, source } = qlib;
    let json = serde_json::to_string(&layout).map_err(|error| DatasetError::Write {
        file: path.display().to_string(),
        source: Box::new(error),
    })?;
    if json.len() > LAYOUT_BYTES {
        return Err(DatasetError::TooLarge {
            file: path.display().to_string(),
            what: "bytes of layout",
            found: json.len() as u64,
            limit: LAYOUT_BYTES as u64,
        });
    }
    let import = Import { rows: panel.rows() as u64, panel, findings, sources: vec![source] };
    let mut metadata = metadata_of(&import)?;
    metadata.push(KeyValue::new(LAYOUT.to_owned(), Some(json)));
    let rows = PanelRows::of(&import.panel);
    write_table_file_with(path, &rows.table(0..rows.times.len()), metadata)
}

/// Reads a Parquet file that says itself that its prices are raw, as [`write_converted`] and
/// [`write_import`](crate::write_import) write it: the very panel, without any checks. `None` for
/// every other file, which is to be imported.
pub fn read_converted(path: &Path) -> Result<Option<ConvertedFile>, DatasetError> {
    let file = path.display().to_string();
    // The decoder is written for files that are what they say; a crafted one may make it panic.
    let metadata = catch_unwind(AssertUnwindSafe(|| metadata(path))).unwrap_or(Ok(None))?;
    let Some(metadata) = metadata else { return Ok(None) };
    let carried = carried_by(&file, &metadata)?;
    if !carried.raw {
        return Ok(None);
    }
    let json =
        metadata.iter().find(|pair| pair.key == LAYOUT).and_then(|pair| pair.value.as_deref());
    let layout = json.map(serde_json::from_str).transpose().map_err(|error| {
        let reason = format!("its {LAYOUT} cannot be read: {error}");
        DatasetError::CorruptFile { file, reason }
    })?;
    Ok(Some(ConvertedFile { panel: read_panel(path)?, findings: carried.findings, layout }))
}

/// `None` for what is no Parquet file.
fn metadata(path: &Path) -> Result<Option<Vec<KeyValue>>, DatasetError> {
    let file =
        File::open(path).map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    let Ok(reader) = SerializedFileReader::new(file) else { return Ok(None) };
    Ok(Some(reader.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default()))
}
