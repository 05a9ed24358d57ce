use std::ops::Range;

use alphafleet_market::Panel;

use crate::cells::Cells;
use crate::engine::Cell;

/// Computed columns over the cells of a panel: every bar of every instrument's listed range,
/// missing bars included, instrument by instrument and ascending in time.
///
/// Values are in single precision as Qlib hands them on, or `T`; NaN where an expression has no value.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureFrame<T: Cell = f32> {
    names: Vec<String>,
    listed: Vec<Range<usize>>,
    offsets: Vec<usize>,
    columns: Vec<Cells<T>>,
}

impl<T: Cell> FeatureFrame<T> {
    /// A frame to be filled: every cell of [`parts`](Self::parts) must be written.
    pub(crate) fn new(panel: &Panel, names: Vec<String>) -> Self {
        Self::of((0..panel.instruments().len()).map(|i| panel.listed(i)).collect(), names)
    }

    /// A frame of the bars of a panel from bar `first` on.
    pub(crate) fn since(first: usize, panel: &Panel, names: Vec<String>) -> Self {
        let listed = |i| {
            let range = panel.listed(i);
            range.start.max(first)..range.end.max(first)
        };
        Self::of((0..panel.instruments().len()).map(listed).collect(), names)
    }

    fn of(listed: Vec<Range<usize>>, names: Vec<String>) -> Self {
        let mut offsets = vec![0];
        for (i, range) in listed.iter().enumerate() {
            offsets.push(offsets[i] + range.len());
        }
        let rows = offsets[listed.len()];
        // Zeroed memory is not touched before it is written, by whichever thread does it.
        let columns = names.iter().map(|_| Cells::zeroed(rows)).collect();
        Self { names, listed, offsets, columns }
    }

    /// Column names, in the order of the expressions.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of cells in a column.
    pub fn rows(&self) -> usize {
        self.offsets[self.listed.len()]
    }

    pub fn instruments(&self) -> usize {
        self.listed.len()
    }

    /// The bars of an instrument, as calendar indices.
    pub fn listed(&self, instrument: usize) -> Range<usize> {
        self.listed[instrument].clone()
    }

    /// Where an instrument's cells lie in a column.
    pub fn cells(&self, instrument: usize) -> Range<usize> {
        self.offsets[instrument]..self.offsets[instrument + 1]
    }

    /// The cell of an instrument and bar, or `None` outside its listed range.
    pub fn cell(&self, instrument: usize, bar: usize) -> Option<usize> {
        let listed = self.listed.get(instrument)?;
        listed.contains(&bar).then(|| self.offsets[instrument] + bar - listed.start)
    }

    /// One column, a value a cell.
    pub fn column(&self, index: usize) -> &[T] {
        &self.columns[index]
    }

    pub fn column_named(&self, name: &str) -> Option<&[T]> {
        let index = self.names.iter().position(|known| known == name)?;
        Some(&self.columns[index])
    }

    pub(crate) fn into_columns(self) -> impl Iterator<Item = Cells<T>> {
        self.columns.into_iter()
    }

    pub(crate) fn same_cells(&self, other: &Self) -> bool {
        self.listed == other.listed
    }

    /// Each instrument's own part of all columns, to be filled in parallel.
    pub(crate) fn parts(&mut self) -> Vec<Vec<&mut [T]>> {
        let lengths: Vec<usize> = self.listed.iter().map(ExactSizeIterator::len).collect();
        let mut parts: Vec<Vec<&mut [T]>> = lengths.iter().map(|_| vec![]).collect();
        for column in &mut self.columns {
            let mut rest: &mut [T] = column;
            for (part, &length) in parts.iter_mut().zip(&lengths) {
                let (own, others) = rest.split_at_mut(length);
                part.push(own);
                rest = others;
            }
        }
        parts
    }
}
