use std::collections::HashMap;

use chrono::NaiveDateTime;

use super::{Panel, PanelColumns, PanelError};

/// One bar of one instrument on its way into a [`Panel`]; `values` follows the builder's fields.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRow<'a> {
    pub instrument: &'a str,
    pub time: NaiveDateTime,
    pub values: &'a [f64],
}

/// Collects rows in any order and lays them out as a [`Panel`].
#[derive(Debug, Default)]
pub struct PanelBuilder {
    known: HashMap<String, u32>,
    rows: PanelColumns,
}

impl PanelBuilder {
    pub fn new<S: Into<String>>(fields: impl IntoIterator<Item = S>) -> Self {
        let columns = fields.into_iter().map(|name| (name.into(), Vec::new())).collect();
        Self { rows: PanelColumns { columns, ..PanelColumns::default() }, ..Self::default() }
    }

    pub fn push(&mut self, row: PanelRow<'_>) -> Result<(), PanelError> {
        let expected = self.rows.columns.len();
        if row.values.len() != expected {
            return Err(PanelError::Row { expected, found: row.values.len() });
        }
        let instrument = self.instrument(row.instrument)?;
        self.rows.instruments.push(instrument);
        self.rows.times.push(row.time);
        for ((_, column), &value) in self.rows.columns.iter_mut().zip(row.values) {
            column.push(value);
        }
        Ok(())
    }

    fn instrument(&mut self, name: &str) -> Result<u32, PanelError> {
        let PanelColumns { names, instruments, columns, .. } = &mut self.rows;
        // Rows of one instrument mostly follow each other.
        let last = instruments.last().filter(|&&last| names[last as usize] == name);
        if let Some(&known) = last.or_else(|| self.known.get(name)) {
            return Ok(known);
        }
        let (instruments, fields) = (names.len().saturating_add(1), columns.len());
        let next = u32::try_from(names.len()).map_err(|_| PanelError::TooLarge {
            bars: 1,
            instruments,
            fields,
        })?;
        names.push(name.to_owned());
        self.known.insert(name.to_owned(), next);
        Ok(next)
    }

    /// Lays the rows out. Two rows of one instrument and time are refused: the import decides
    /// which of them counts, not the panel.
    pub fn build(self) -> Result<Panel, PanelError> {
        let rows = self.rows.times.len();
        self.rows.into_panel(0..rows)
    }
}
