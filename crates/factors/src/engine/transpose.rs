//! Between rows, in which eight instruments lie side by side, and a series of each of them.

use super::lanes::LANES;
use super::sink::Of;
use super::vectorise::{Kernel, vectorise};

/// Copies rows to one series a lane, each as long as there are rows. Lanes without a series are
/// left out.
pub(super) fn to_series<S: Copy, T: Of<S>>(rows: &[[S; LANES]], series: &mut [&mut [T]]) {
    vectorise(ToSeries { rows, series });
}

/// Copies one series a lane to rows; lanes without a series are left alone.
pub(super) fn to_rows<S: Copy, T: Of<S>>(series: &[&[S]], rows: &mut [[T; LANES]]) {
    vectorise(ToRows { series, rows });
}

struct ToSeries<'a, 'b, S, T> {
    rows: &'a [[S; LANES]],
    series: &'a mut [&'b mut [T]],
}

impl<S: Copy, T: Of<S>> Kernel for ToSeries<'_, '_, S, T> {
    #[inline(always)]
    fn run(self) {
        for (lane, series) in self.series.iter_mut().enumerate() {
            for (cell, row) in series.iter_mut().zip(self.rows) {
                *cell = T::of(row[lane]);
            }
        }
    }
}

struct ToRows<'a, 'b, S, T> {
    series: &'a [&'b [S]],
    rows: &'a mut [[T; LANES]],
}

impl<S: Copy, T: Of<S>> Kernel for ToRows<'_, '_, S, T> {
    #[inline(always)]
    fn run(self) {
        for (lane, series) in self.series.iter().enumerate() {
            for (row, &value) in self.rows.iter_mut().zip(*series) {
                row[lane] = T::of(value);
            }
        }
    }
}
