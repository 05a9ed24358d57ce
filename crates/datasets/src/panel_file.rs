use std::path::Path;

use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use bytes::Bytes;
use chrono::NaiveDateTime;

use crate::error::DatasetError;
use crate::import::{Import, metadata_of};
use crate::table::{
    ColumnValues, KeyOrder, OwnedTable, Table, TableColumn, read_table, write_table,
    write_table_file, write_table_file_with,
};

const FIRST: [&str; 9] =
    ["open", "high", "low", "close", "volume", "vwap", "amount", "factor", "adj_close"];

/// The existing bars of a panel row by row, ordered by instrument and time.
pub(crate) struct PanelRows<'a> {
    pub instruments: Vec<&'a str>,
    pub times: Vec<NaiveDateTime>,
    pub columns: Vec<(String, Vec<f64>)>,
}

impl<'a> PanelRows<'a> {
    pub fn of(panel: &'a Panel) -> Self {
        let bars = panel.calendar().len();
        let names = columns_of(panel);
        let fields: Vec<_> = names.iter().filter_map(|name| panel.field(name)).collect();
        let mut rows = Self { instruments: Vec::new(), times: Vec::new(), columns: Vec::new() };
        let mut cells = Vec::new();
        for (index, instrument) in panel.instruments().iter().enumerate() {
            for bar in panel.listed(index) {
                let cell = index * bars + bar;
                if fields.iter().any(|field| !field[cell].is_nan()) {
                    cells.push(cell);
                    rows.instruments.push(instrument);
                    rows.times.push(panel.calendar()[bar]);
                }
            }
        }
        let take = |field: &[f64]| cells.iter().map(|&cell| field[cell]).collect();
        rows.columns = names.into_iter().zip(fields.into_iter().map(take)).collect();
        rows
    }

    pub fn table(&self, rows: std::ops::Range<usize>) -> Table<'_, &'a str> {
        let columns = self.columns.iter().map(|(name, values)| TableColumn {
            name,
            values: ColumnValues::F64(&values[rows.clone()]),
        });
        Table {
            columns: columns.collect(),
            instruments: &self.instruments[rows.clone()],
            times: &self.times[rows.clone()],
            keys: KeyOrder::InstrumentFirst,
        }
    }
}

/// Names of the columns of a panel's file after `instrument, datetime`: prices and volume first,
/// further fields by name.
pub(crate) fn columns_of(panel: &Panel) -> Vec<String> {
    let first = FIRST.iter().copied().filter(|name| panel.field(name).is_some());
    let others = panel.field_names().filter(|name| !FIRST.contains(name));
    first.chain(others).map(str::to_owned).collect()
}

/// The canonical Parquet file of a panel: `instrument, datetime, open, …`, one row an existing
/// bar, missing values null. Equal panels give equal bytes.
pub fn panel_to_parquet(panel: &Panel) -> Result<Vec<u8>, DatasetError> {
    let rows = PanelRows::of(panel);
    let mut bytes = Vec::new();
    write_table(&mut bytes, &rows.table(0..rows.times.len()))?;
    Ok(bytes)
}

/// Writes the canonical Parquet file; see [`panel_to_parquet`].
pub fn write_panel(path: &Path, panel: &Panel) -> Result<(), DatasetError> {
    let rows = PanelRows::of(panel);
    write_table_file(path, &rows.table(0..rows.times.len()))
}

/// Writes an import's panel as its canonical Parquet file, which carries that its prices are raw
/// and what was found: importing it again gives the same panel and the same findings.
///
/// # Errors
/// `too_large` when the findings are more than a file may carry (4 MiB or 10,000).
pub fn write_import(path: &Path, import: &Import) -> Result<(), DatasetError> {
    let rows = PanelRows::of(&import.panel);
    write_table_file_with(path, &rows.table(0..rows.times.len()), metadata_of(import)?)
}

/// Reads the canonical Parquet file of a panel. `file` is the name errors use.
pub fn panel_from_parquet(file: &str, bytes: impl Into<Bytes>) -> Result<Panel, DatasetError> {
    panel_of_tables(vec![(file.to_owned(), read_table(file, bytes)?)])
}

/// Reads the canonical Parquet file of a panel.
pub fn read_panel(path: &Path) -> Result<Panel, DatasetError> {
    let bytes = std::fs::read(path)
        .map_err(|source| DatasetError::Read { file: path.to_owned(), source })?;
    panel_from_parquet(&path.display().to_string(), bytes)
}

/// Lays out tables with equal columns as one panel.
pub(crate) fn panel_of_tables(tables: Vec<(String, OwnedTable)>) -> Result<Panel, DatasetError> {
    let names = |table: &OwnedTable| {
        table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    let fields = tables.first().map(|(_, table)| names(table)).unwrap_or_default();
    let mut builder = PanelBuilder::new(fields.clone());
    for (file, table) in tables {
        if names(&table) != fields {
            let reason = "its columns differ from the first file's".to_owned();
            return Err(DatasetError::CorruptFile { file, reason });
        }
        let columns: Vec<_> = table.columns.iter().map(|column| column.values.to_f64()).collect();
        let mut values = vec![0.0; columns.len()];
        for (row, (instrument, &time)) in table.instruments.iter().zip(&table.times).enumerate() {
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = column[row];
            }
            builder.push(PanelRow { instrument, time, values: &values })?;
        }
    }
    Ok(builder.build()?)
}
