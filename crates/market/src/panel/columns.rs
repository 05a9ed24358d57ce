use std::sync::Arc;

use chrono::NaiveDateTime;

use super::layout::{Key, Layout};
use super::{Panel, PanelError};

/// Rows column by column, on their way into a [`Panel`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PanelColumns {
    /// Names of instruments, in any order, none twice.
    pub names: Vec<String>,
    /// Each row's instrument, as an index into `names`.
    pub instruments: Vec<u32>,
    pub times: Vec<NaiveDateTime>,
    /// Names and values of the fields.
    pub columns: Vec<(String, Vec<f64>)>,
}

impl PanelColumns {
    /// Lays out some of the rows, in any order. Instruments without any of them are left out.
    ///
    /// # Errors
    /// When a column is longer or shorter than the others, or two rows have one instrument and
    /// time: the import decides which of them counts, not the panel.
    ///
    /// # Panics
    /// When `rows` or `instruments` are no indices.
    pub fn into_panel(
        self,
        rows: impl Iterator<Item = usize> + Clone,
    ) -> Result<Panel, PanelError> {
        self.check()?;
        let (order, places) = self.order(rows.clone());
        let key = |row| {
            let instrument = places[self.instruments[row] as usize];
            Key { row, instrument, time: self.times[row] }
        };
        let name = |place: usize| self.names[order[place]].clone();
        let layout = Layout::of(rows.map(key), (order.len(), self.columns.len()), name)?;
        let instruments = (0..order.len()).map(name).collect();
        // A column goes as soon as its field is there.
        let field = |(name, column): (String, Vec<f64>)| (name, layout.field(&column));
        Ok(Panel {
            instruments,
            fields: self.columns.into_iter().map(field).collect(),
            listed: layout.listed,
            calendar: layout.calendar,
            announcements: Arc::default(),
            members: None,
        })
    }

    fn check(&self) -> Result<(), PanelError> {
        let expected = self.times.len();
        let lengths = self.columns.iter().map(|(name, values)| (name.as_str(), values.len()));
        let mut lengths = lengths.chain([("instrument", self.instruments.len())]);
        match lengths.find(|&(_, found)| found != expected) {
            Some((name, found)) => {
                Err(PanelError::Shape { field: name.to_owned(), expected, found })
            }
            None => Ok(()),
        }
    }

    /// The names that have rows, sorted, as indices; and the place of each name among them.
    fn order(&self, rows: impl Iterator<Item = usize>) -> (Vec<usize>, Vec<usize>) {
        let mut has_rows = vec![false; self.names.len()];
        rows.for_each(|row| has_rows[self.instruments[row] as usize] = true);
        let mut order: Vec<usize> = (0..self.names.len()).filter(|&name| has_rows[name]).collect();
        order.sort_unstable_by_key(|&name| &self.names[name]);
        let mut places = vec![usize::MAX; self.names.len()];
        for (place, &name) in order.iter().enumerate() {
            places[name] = place;
        }
        (order, places)
    }
}
