use alphafleet_datasets::features::FeatureColumn;
use alphafleet_factors::FeatureFrame;
use alphafleet_market::Panel;
use chrono::NaiveDateTime;

/// The bars that every column has a value for, ordered by instrument and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    pub instruments: Vec<String>,
    pub times: Vec<NaiveDateTime>,
}

impl Rows {
    /// Every bar of a panel.
    pub fn of(panel: &Panel) -> Self {
        let mut rows = Self { instruments: Vec::new(), times: Vec::new() };
        for (at, name) in panel.instruments().iter().enumerate() {
            for bar in panel.listed(at).filter(|&bar| panel.has_bar(at, bar)) {
                rows.instruments.push(name.clone());
                rows.times.push(panel.calendar()[bar]);
            }
        }
        rows
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn are_those_of(&self, column: &FeatureColumn) -> bool {
        self.instruments == column.instruments && self.times == column.times
    }
}

/// The values of one column of a frame at the bars there are.
pub(super) fn values(panel: &Panel, frame: &FeatureFrame, column: usize) -> Vec<f32> {
    let column = frame.column(column);
    let mut values = Vec::new();
    for at in 0..frame.instruments() {
        for (cell, bar) in frame.cells(at).zip(frame.listed(at)) {
            if panel.has_bar(at, bar) {
                values.push(column[cell]);
            }
        }
    }
    values
}

/// The values of a column over the panel's first bars, each instrument's followed by those that a
/// frame has of its later ones. `None` if the column's bars are not the panel's.
pub(super) fn continued(
    panel: &Panel,
    column: &FeatureColumn,
    later: &FeatureFrame,
) -> Option<Vec<f32>> {
    let mut earlier = column.instruments.iter().zip(&column.times).zip(&column.values);
    let mut values = Vec::with_capacity(column.values.len());
    for (at, name) in panel.instruments().iter().enumerate() {
        for bar in panel.listed(at).filter(|&bar| panel.has_bar(at, bar)) {
            let value = match later.cell(at, bar) {
                Some(cell) => later.column(0)[cell],
                None => {
                    let ((instrument, time), value) = earlier.next()?;
                    let same = instrument == name && *time == panel.calendar()[bar];
                    same.then_some(*value)?
                }
            };
            values.push(value);
        }
    }
    earlier.next().is_none().then_some(values)
}
