use std::ops::Range;

use bytemuck::Pod;

use super::block::Span;
use super::buffer::Buffer;
use super::lanes::LANES;
use super::transpose::to_series;

/// A number that may be had of another one.
pub trait Of<S>: Copy {
    fn of(value: S) -> Self;
}

macro_rules! of {
    ($($from:ty => $to:ty),*) => {
        $(impl Of<$from> for $to {
            #[inline(always)]
            fn of(value: $from) -> Self {
                value as Self
            }
        })*
    };
}

of!(f32 => f32, f64 => f32, f32 => f64, f64 => f64);

/// A number that results are handed out as.
pub trait Cell: Of<f32> + Of<f64> + Pod + PartialEq + Send + Sync {}

impl Cell for f32 {}
impl Cell for f64 {}

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
        match buffer {
            Buffer::Single(values) => {
                self.hand_on(output, &values.as_chunks().0[at..], span, instruments)
            }
            Buffer::Double(values) => {
                self.hand_on(output, &values.as_chunks().0[at..], span, instruments)
            }
        }
    }

    fn hand_on<S: Copy>(
        &mut self,
        output: usize,
        rows: &[[S; LANES]],
        span: Span,
        instruments: usize,
    ) where
        T: Of<S>,
    {
        let all =
            |range: &Range<usize>| range.start <= span.bar && span.bar + span.bars <= range.end;
        if self.wanted.iter().all(all) {
            let mut series: Vec<&mut [T]> = Vec::with_capacity(LANES);
            for (cells, wanted) in self.cells.iter_mut().zip(&self.wanted) {
                let from = span.bar - wanted.start;
                series.push(&mut cells[output][from..from + span.bars]);
            }
            to_series(&rows[..span.bars], &mut series);
            return;
        }
        for l in 0..instruments {
            let wanted = &self.wanted[l];
            let bars = wanted.start.max(span.bar)..wanted.end.min(span.bar + span.bars);
            if bars.is_empty() {
                continue;
            }
            let out =
                &mut self.cells[l][output][bars.start - wanted.start..bars.end - wanted.start];
            for (cell, row) in out.iter_mut().zip(&rows[bars.start - span.bar..]) {
                *cell = T::of(row[l]);
            }
        }
    }
}
