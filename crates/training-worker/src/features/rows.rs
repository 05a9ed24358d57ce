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
    /// Those of a panel at these cells.
    pub fn of(panel: &Panel, cells: &[(usize, usize)]) -> Self {
        let name = |&(at, _): &(usize, usize)| panel.instruments()[at].clone();
        let time = |&(_, bar): &(usize, usize)| panel.calendar()[bar];
        Self {
            instruments: cells.iter().map(name).collect(),
            times: cells.iter().map(time).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn are_those_of(&self, column: &FeatureColumn) -> bool {
        self.instruments == column.instruments && self.times == column.times
    }
}

/// Instrument and bar of each row, as a panel numbers them.
pub(super) fn cells(panel: &Panel) -> Vec<(usize, usize)> {
    let of =
        |at| panel.listed(at).filter(move |&bar| panel.has_bar(at, bar)).map(move |bar| (at, bar));
    (0..panel.instruments().len()).flat_map(of).collect()
}

/// The values of one column of a frame at the bars there are.
pub(super) fn values(cells: &[(usize, usize)], frame: &FeatureFrame, column: usize) -> Vec<f32> {
    let column = frame.column(column);
    let value = |&(at, bar): &(usize, usize)| frame.cell(at, bar).map(|cell| column[cell]);
    cells.iter().map(|cell| value(cell).unwrap_or(f32::NAN)).collect()
}

/// The values of a column over the bars that the data had before, each instrument's followed by
/// those that a frame has of its later ones. `None` if they are not as many.
pub(super) fn continued(
    cells: &[(usize, usize)],
    earlier: &[f32],
    later: &FeatureFrame,
) -> Option<Vec<f32>> {
    let mut earlier = earlier.iter();
    let column = later.column(0);
    let value = |&(at, bar): &(usize, usize)| match later.cell(at, bar) {
        Some(cell) => Some(column[cell]),
        None => earlier.next().copied(),
    };
    let values: Option<Vec<f32>> = cells.iter().map(value).collect();
    values.filter(|_| earlier.next().is_none())
}
