use super::slide::{Parts, Place, Sliding, present};
use crate::engine::lanes::{Lane, Rows, lane};

/// Which end of a window is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Largest,
    Smallest,
}

impl End {
    /// Loses against every value.
    fn worst(self) -> f64 {
        match self {
            Self::Largest => f64::NEG_INFINITY,
            Self::Smallest => f64::INFINITY,
        }
    }
}

/// Largest or smallest value of a window.
#[inline(always)]
pub(crate) fn extreme(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    span: (usize, usize),
    end: End,
    out: &mut [Lane],
) {
    let worst = end.worst();
    let terms = |[x]: [Lane; 1], _| [lane(|l| if x[l].is_nan() { worst } else { x[l] })];
    let finish = |row: usize, [best]: &[Lane; 1], _: &[Lane; 1], _| {
        out[row] = lane(|l| if best[l] == worst { f64::NAN } else { best[l] });
    };
    match end {
        End::Largest => {
            let join = |a: &[Lane; 1], b: &[Lane; 1]| {
                [lane(|l| if a[0][l] > b[0][l] { a[0][l] } else { b[0][l] })]
            };
            state.run::<1, 1, false>([values], span, [worst], Parts { terms, join, finish });
        }
        End::Smallest => {
            let join = |a: &[Lane; 1], b: &[Lane; 1]| {
                [lane(|l| if a[0][l] < b[0][l] { a[0][l] } else { b[0][l] })]
            };
            state.run::<1, 1, false>([values], span, [worst], Parts { terms, join, finish });
        }
    }
}

/// Position of the largest or smallest value in a window, from 1; the first of equals. As numpy
/// does it, a missing value beats all others; a window of missing values alone has no position.
#[inline(always)]
pub(crate) fn position(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    (first, bars): (usize, usize),
    starts: &[usize],
    (window, end): (usize, End),
    out: &mut [Lane],
) {
    // Terms: number of values, the best value, its place.
    // Before an instrument's first bar, and before the first chunk, nothing has a place.
    let terms = |[x]: [Lane; 1], place: Place| {
        let at = lane(|l| if place.bar < starts[l] { f64::NAN } else { place.at });
        [present(&x), x, at]
    };
    let sign = if end == End::Largest { 1.0 } else { -1.0 };
    let join = |older: &[Lane; 3], newer: &[Lane; 3]| {
        let keep = |l: usize| {
            let nothing_newer = newer[2][l].is_nan();
            let better = sign * newer[1][l] > sign * older[1][l] || newer[1][l].is_nan();
            !older[2][l].is_nan() && (nothing_newer || older[1][l].is_nan() || !better)
        };
        [
            lane(|l| older[0][l] + newer[0][l]),
            lane(|l| if keep(l) { older[1][l] } else { newer[1][l] }),
            lane(|l| if keep(l) { older[2][l] } else { newer[2][l] }),
        ]
    };
    let finish = |row: usize, [count, _, at]: &[Lane; 3], _: &[Lane; 1], place: f64| {
        out[row] = lane(|l| {
            let bar = first + row;
            let listed = (bar + 1).saturating_sub(starts[l]);
            let length = if window == 0 { listed } else { listed.min(window) };
            let from_start = at[l] - place + length as f64;
            if count[l] == 0.0 { f64::NAN } else { from_start }
        });
    };
    let identity = [0.0, f64::NAN, f64::NAN];
    state.run::<1, 3, false>([values], (first, bars), identity, Parts { terms, join, finish });
}
