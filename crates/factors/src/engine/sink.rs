use std::ops::Range;

use super::block::Span;
use super::buffer::Buffer;
use super::lanes::LANES;

/// A number that results are handed out as.
pub trait Cell: Copy + Send + Sync + Default + 'static {
    fn of_single(value: f32) -> Self;
    fn of_double(value: f64) -> Self;
}

impl Cell for f32 {
    #[inline(always)]
    fn of_single(value: f32) -> Self {
        value
    }
    #[inline(always)]
    fn of_double(value: f64) -> Self {
        value as f32
    }
}

impl Cell for f64 {
    #[inline(always)]
    fn of_single(value: f32) -> Self {
        value.into()
    }
    #[inline(always)]
    fn of_double(value: f64) -> Self {
        value
    }
}

/// Where the results of a group's instruments go.
pub(crate) struct Sink<'a, T> {
    /// For each instrument the bars wanted of it.
    pub(crate) wanted: Vec<Range<usize>>,
    /// For each instrument its cells of each output, a cell a bar wanted.
    pub(crate) cells: Vec<Vec<&'a mut [T]>>,
}

impl<T: Cell> Sink<'_, T> {
    /// Takes an output's values for the bars of a span from row `at` of a buffer on.
    pub(crate) fn take(
        &mut self,
        output: usize,
        buffer: &Buffer,
        at: usize,
        span: Span,
        instruments: usize,
    ) {
        for l in 0..instruments {
            let wanted = &self.wanted[l];
            let bars = wanted.start.max(span.bar)..wanted.end.min(span.bar + span.bars);
            if bars.is_empty() {
                continue;
            }
            let from = (at + bars.start - span.bar) * LANES;
            let to = bars.start - wanted.start..bars.end - wanted.start;
            let out = &mut self.cells[l][output][to];
            match buffer {
                Buffer::Single(values) => {
                    let rows: &[[f32; LANES]] = values[from..].as_chunks().0;
                    for (cell, row) in out.iter_mut().zip(rows) {
                        *cell = T::of_single(row[l]);
                    }
                }
                Buffer::Double(values) => {
                    let rows: &[[f64; LANES]] = values[from..].as_chunks().0;
                    for (cell, row) in out.iter_mut().zip(rows) {
                        *cell = T::of_double(row[l]);
                    }
                }
            }
        }
    }
}
