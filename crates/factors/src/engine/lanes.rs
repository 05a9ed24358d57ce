//! Eight instruments side by side: the unit that one vector instruction works on.

/// Instruments of a group.
pub(crate) const LANES: usize = 8;

/// One bar's value of each instrument of a group.
pub(crate) type Lane = [f64; LANES];

pub(crate) const MISSING: Lane = [f64::NAN; LANES];
pub(crate) const ZEROS: Lane = [0.0; LANES];

/// A lane, instrument by instrument.
#[inline(always)]
pub(crate) fn lane(value: impl Fn(usize) -> f64) -> Lane {
    let mut lane = ZEROS;
    for (instrument, cell) in lane.iter_mut().enumerate() {
        *cell = value(instrument);
    }
    lane
}

/// Rows of a column from a step's first bar on, with what came before them.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, T> {
    values: &'a [[T; LANES]],
    at: usize,
}

impl<'a, T: Copy> Rows<'a, T> {
    /// `values` of all rows kept, of which `at` is the step's first.
    #[inline(always)]
    pub(crate) fn new(values: &'a [T], at: usize) -> Self {
        Self { values: values.as_chunks().0, at }
    }

    /// The step's first `bars` rows.
    #[inline(always)]
    pub(crate) fn first(&self, bars: usize) -> &'a [[T; LANES]] {
        &self.values[self.at..self.at + bars]
    }

    /// The step's row `row`.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [T; LANES] {
        &self.values[self.at + row]
    }

    /// The row `back` bars before the step's row `row`.
    #[inline(always)]
    pub(crate) fn back(&self, row: usize, back: usize) -> &'a [T; LANES] {
        &self.values[self.at + row - back]
    }
}
