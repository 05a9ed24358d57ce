use std::collections::HashMap;
use std::path::Path;

use alphafleet_datasets::{ColumnValues, KeyOrder, Table, TableColumn, write_table_file};
use alphafleet_domain::{ArtifactKind, FeatureKey};
use alphafleet_specs::DateRange;
use alphafleet_worker::child::{ColumnKey, HandlerError, OutputFile};

use super::rows::Rows;
use crate::pipeline::TrainError;

/// What became of the features.
pub(super) struct Written {
    pub file: OutputFile,
    pub names: Vec<String>,
    pub rows: usize,
}

/// Writes `instrument, datetime` and every column that has values as one table: the bars of the
/// range, both days included.
pub(super) fn write(
    scratch: &Path,
    rows: &Rows,
    columns: &[ColumnKey],
    values: &HashMap<FeatureKey, Vec<f32>>,
    range: Option<DateRange>,
) -> Result<Written, HandlerError> {
    let inside = |row: &usize| {
        let day = rows.times[*row].date();
        range.is_none_or(|range| range.start <= day && day <= range.end)
    };
    let kept: Vec<usize> = (0..rows.len()).filter(inside).collect();
    let instruments: Vec<&str> = kept.iter().map(|&row| rows.instruments[row].as_str()).collect();
    let times: Vec<_> = kept.iter().map(|&row| rows.times[row]).collect();
    let mut found: Vec<(&str, Vec<f32>)> = Vec::new();
    for column in columns {
        if let Some(values) = values.get(&column.key) {
            found.push((&column.name, kept.iter().map(|&row| values[row]).collect()));
        }
    }
    let table = Table {
        instruments: &instruments,
        times: &times,
        columns: found
            .iter()
            .map(|(name, values)| TableColumn { name, values: ColumnValues::F32(values) })
            .collect(),
        keys: KeyOrder::InstrumentFirst,
    };
    let path = scratch.join("features.parquet");
    write_table_file(&path, &table).map_err(TrainError::from)?;
    Ok(Written {
        file: OutputFile::new(ArtifactKind::Features, "features.parquet", path),
        names: found.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows: kept.len(),
    })
}
