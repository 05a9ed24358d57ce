use super::lanes::LANES;
use crate::periods::Changes;

/// Bars of data that a run reads: fields instrument by instrument.
#[derive(Clone, Copy)]
pub(crate) struct Bars<'a> {
    /// The program's fields.
    pub(crate) fields: &'a [&'a [f64]],
    /// All fields there are: an instrument has a bar where any of them has a value.
    pub(crate) all: &'a [&'a [f64]],
    /// Whether each instrument belongs to the universe, laid out like a field, if that changes.
    pub(crate) members: Option<&'a [bool]>,
    pub(crate) changes: &'a Changes,
    /// For each instrument of the groups its place in the fields; `usize::MAX` where it has none.
    pub(crate) places: &'a [usize],
    /// Bars of each instrument.
    pub(crate) stride: usize,
    /// Number of the first of them.
    pub(crate) base: usize,
}

impl Bars<'_> {
    #[inline(always)]
    pub(crate) fn place(&self, instrument: usize) -> usize {
        self.places[instrument]
    }

    /// The values of a field at a place for all bars of a span, if the data have all of them.
    pub(crate) fn series<'v>(
        &self,
        values: &'v [f64],
        place: usize,
        span: Span,
    ) -> Option<&'v [f64]> {
        let at = span.bar.checked_sub(self.base).filter(|at| at + span.bars <= self.stride)?;
        let first = place.checked_mul(self.stride)?.checked_add(at)?;
        values.get(first..)?.get(..span.bars)
    }

    /// Whether an instrument takes part in comparisons with others: it has a bar and belongs to
    /// the universe.
    pub(crate) fn is_present(&self, place: usize, bar: usize) -> bool {
        let belongs = |members: &[bool]| match bar.checked_sub(self.base) {
            Some(at) if at < self.stride && place < usize::MAX => members[place * self.stride + at],
            _ => false,
        };
        self.all.iter().any(|field| !self.get(field, place, bar).is_nan())
            && self.members.is_none_or(belongs)
    }

    /// One value of a field at a place, NaN where the data does not reach.
    #[inline(always)]
    pub(crate) fn get(&self, values: &[f64], place: usize, bar: usize) -> f64 {
        match bar.checked_sub(self.base) {
            Some(at) if at < self.stride && place < usize::MAX => values[place * self.stride + at],
            _ => f64::NAN,
        }
    }
}

/// Rows that all steps of a group go through before the next rows come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// The bar that a step without delay computes first.
    pub(crate) time: usize,
    pub(crate) rows: usize,
    /// The bar that the group began with.
    pub(crate) origin: usize,
}

/// The rows of a block that a step has something to do for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// First such row of the block.
    pub(crate) row: usize,
    /// The bar of that row.
    pub(crate) bar: usize,
    pub(crate) bars: usize,
}

impl Block {
    /// The rows of a step that can do a bar only `delay` bars later.
    pub(crate) fn span(&self, delay: usize) -> Option<Span> {
        let row = (self.origin + delay).saturating_sub(self.time);
        let bars = self.rows.checked_sub(row).filter(|bars| *bars > 0)?;
        Some(Span { row, bar: self.time + row - delay, bars })
    }
}

/// The listed ranges of a group's instruments. Lanes without an instrument never begin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) starts: [usize; LANES],
    /// `usize::MAX` where the end is not known.
    pub(crate) ends: [usize; LANES],
}

impl Listed {
    /// The same lanes without first and last bars.
    pub(crate) fn unlisted(&self) -> Self {
        let starts = self.starts.map(|start| if start == usize::MAX { start } else { 0 });
        Self { starts, ends: [usize::MAX; LANES] }
    }

    /// The bits of the lanes that have an instrument.
    pub(crate) fn bits(&self) -> u8 {
        let bit = |(l, &start): (usize, &usize)| u8::from(start < usize::MAX) << l;
        self.starts.iter().enumerate().map(bit).sum()
    }

    /// From this bar on, all instruments have begun.
    pub(crate) fn all_begun(&self) -> usize {
        self.starts.iter().copied().filter(|&start| start < usize::MAX).max().unwrap_or(0)
    }
}
