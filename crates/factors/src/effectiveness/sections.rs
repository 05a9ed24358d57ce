use std::ops::Range;

use alphafleet_market::Panel;

use crate::correlation::{ascending, mean_ranks};
use crate::frame::FeatureFrame;

/// The cells of frames of one panel at which instruments belong to its universe, laid out bar by
/// bar: a *slot* is a cell in this order.
pub(super) struct Sections {
    /// Where each bar's slots begin, and the end of the last.
    starts: Vec<usize>,
    /// Of each slot; ascending within a bar.
    instruments: Vec<u32>,
    cells: Vec<usize>,
    instrument_count: usize,
}

impl Sections {
    pub(super) fn new(frame: &FeatureFrame, panel: &Panel) -> Self {
        let (mut starts, mut instruments, mut cells) = (vec![0], vec![], vec![]);
        for bar in 0..panel.calendar().len() {
            let members = (0..frame.instruments()).filter(|&at| panel.is_member(at, bar));
            for instrument in members {
                if let Some(cell) = frame.cell(instrument, bar) {
                    instruments.push(instrument as u32);
                    cells.push(cell);
                }
            }
            starts.push(cells.len());
        }
        Self { starts, instruments, cells, instrument_count: frame.instruments() }
    }

    pub(super) fn bars(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn slots(&self) -> usize {
        self.cells.len()
    }

    pub(super) fn slots_of(&self, bar: usize) -> Range<usize> {
        self.starts[bar]..self.starts[bar + 1]
    }

    /// The instruments of a bar's slots.
    pub(super) fn instruments_of(&self, bar: usize) -> &[u32] {
        &self.instruments[self.slots_of(bar)]
    }

    pub(super) fn instrument_count(&self) -> usize {
        self.instrument_count
    }

    /// One value a slot, told bar and instrument.
    pub(super) fn map<T>(&self, value: impl Fn(usize, usize) -> T) -> Vec<T> {
        let slots = (0..self.bars()).flat_map(|bar| {
            self.instruments_of(bar).iter().map(move |&instrument| (bar, instrument as usize))
        });
        slots.map(|(bar, instrument)| value(bar, instrument)).collect()
    }
}

/// A column bar by bar with its order and ranks within each bar.
pub(super) struct Ranked {
    /// One a slot; NaN where missing.
    values: Vec<f32>,
    /// Rank among the bar's values; NaN where missing.
    ranks: Vec<f32>,
    /// From each bar's first slot on, the places within the bar that have a value, ascending.
    order: Vec<u32>,
    present: Vec<u32>,
    starts: Vec<usize>,
    /// Infinite values, which count as missing.
    pub(super) infinite: usize,
}

/// One bar of a [`Ranked`] column.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub values: &'a [f32],
    pub ranks: &'a [f32],
    pub order: &'a [u32],
}

impl Ranked {
    /// `column` is of a frame of the sections' panel.
    pub(super) fn new(sections: &Sections, column: &[f32]) -> Self {
        let mut infinite = 0;
        let mut value = |&cell: &usize| match column[cell] {
            value if value.is_infinite() => {
                infinite += 1;
                f32::NAN
            }
            value => value,
        };
        let values: Vec<f32> = sections.cells.iter().map(&mut value).collect();
        let mut ranks = vec![f32::NAN; values.len()];
        let mut order = vec![0; values.len()];
        let mut present = Vec::with_capacity(sections.bars());
        let (mut keys, mut places) = (vec![], vec![]);
        for bar in 0..sections.bars() {
            let slots = sections.slots_of(bar);
            let values = &values[slots.clone()];
            ascending(values, &mut keys, &mut places);
            let ranks = &mut ranks[slots.clone()];
            mean_ranks(values, &places, |at, rank| ranks[at] = rank);
            order[slots.start..slots.start + places.len()].copy_from_slice(&places);
            present.push(places.len() as u32);
        }
        Self { values, ranks, order, present, starts: sections.starts.clone(), infinite }
    }

    pub(super) fn section(&self, bar: usize) -> Section<'_> {
        let slots = self.starts[bar]..self.starts[bar + 1];
        let present = self.present[bar] as usize;
        Section {
            order: &self.order[slots.start..slots.start + present],
            values: &self.values[slots.clone()],
            ranks: &self.ranks[slots],
        }
    }
}

impl Section<'_> {
    /// How many have a value.
    pub(super) fn present(&self) -> usize {
        self.order.len()
    }

    /// Whether there are at least two values, all equal.
    pub(super) fn is_constant(&self) -> bool {
        match self.order {
            [least, .., most] => self.values[*least as usize] == self.values[*most as usize],
            _ => false,
        }
    }
}
