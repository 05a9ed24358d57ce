//! Windows from suffixes and a prefix, without ever taking a value out.
//!
//! Time is cut into chunks as long as the window. A window then consists of a suffix of the former
//! chunk and a prefix of the present one. The suffixes are summed once, when a chunk is full; the
//! prefix grows by a bar at a time. So a bar costs three joins whatever the window is, nothing is
//! subtracted again, and what has left the window leaves no rounding behind. (The method is van
//! Herk's and Gil and Werman's for minima; it works for every associative operation.)
//!
//! Sums of powers are taken of deviations from a *pivot*, a value inside the window: with `n` bars
//! the relative error of a variance stays below about `2 n² ε`, whatever the level of the series.

use crate::engine::lanes::{LANES, Lane, MISSING, Rows, lane};

/// What a window keeps between blocks.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sliding {
    /// Bars; 0 for everything since the first bar.
    window: usize,
    /// Of the former chunk, from each of its bars to its end; a row of terms a bar.
    suffixes: Vec<Lane>,
    prefix: Vec<Lane>,
    pivots: Vec<Lane>,
}

/// Where a bar lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Bars since the former chunk's end; not above 0 in that chunk.
    pub(crate) at: f64,
    /// Number of the bar.
    pub(crate) bar: usize,
}

/// How a statistic is put together.
pub(crate) struct Parts<Terms, Join, Finish> {
    /// The terms of one bar, from its deviations and its place.
    pub(crate) terms: Terms,
    /// Joins the terms of older bars with those of newer ones.
    pub(crate) join: Join,
    /// Takes the joined terms of the window that ends at a row, the pivots and the row's place.
    pub(crate) finish: Finish,
}

impl Sliding {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// Runs over `bars` bars, the first of which is bar number `first`.
    ///
    /// `I` inputs have their infinities taken out; with `PIVOT` deviations from the pivot, without
    /// the values themselves go to the terms.
    #[inline(always)]
    pub(crate) fn run<const I: usize, const K: usize, const PIVOT: bool>(
        &mut self,
        inputs: [Rows<'_, f64>; I],
        (first, bars): (usize, usize),
        identity: [f64; K],
        mut parts: Parts<
            impl Fn([Lane; I], Place) -> [Lane; K],
            impl Fn(&[Lane; K], &[Lane; K]) -> [Lane; K],
            impl FnMut(usize, &[Lane; K], &[Lane; I], f64),
        >,
    ) {
        let empty = identity.map(|value| [value; LANES]);
        let mut prefix = load(&self.prefix, empty);
        let mut pivots = load(&self.pivots, if PIVOT { [MISSING; I] } else { [[0.0; LANES]; I] });
        let mut unset = PIVOT && pivots.as_flattened().iter().any(|pivot| pivot.is_nan());
        let mut place = if self.window == 0 { first } else { first % self.window };
        for row in 0..bars {
            let values = inputs.map(|input| finite(input.row(row)));
            if PIVOT && unset {
                unset = settle_pivots(&mut pivots, &values);
            }
            place += 1;
            let here = Place { at: place as f64, bar: first + row };
            let terms = (parts.terms)(deviations(&values, &pivots), here);
            prefix = (parts.join)(&prefix, &terms);
            if place == self.window {
                self.close::<I, K, PIVOT>(inputs, (first, row), empty, &mut pivots, &parts);
                (parts.finish)(row, &load_row(&self.suffixes, 0), &pivots, 0.0);
                (prefix, place) = (empty, 0);
            } else if self.suffixes.is_empty() {
                (parts.finish)(row, &prefix, &pivots, place as f64);
            } else {
                let joined = (parts.join)(&load_row(&self.suffixes, place), &prefix);
                (parts.finish)(row, &joined, &pivots, place as f64);
            }
        }
        store(&mut self.prefix, &prefix);
        store(&mut self.pivots, &pivots);
    }

    /// Sums the suffixes of the chunk that ends at `row`.
    #[inline(always)]
    fn close<const I: usize, const K: usize, const PIVOT: bool>(
        &mut self,
        inputs: [Rows<'_, f64>; I],
        (first, row): (usize, usize),
        empty: [Lane; K],
        pivots: &mut [Lane; I],
        parts: &Parts<
            impl Fn([Lane; I], Place) -> [Lane; K],
            impl Fn(&[Lane; K], &[Lane; K]) -> [Lane; K],
            impl FnMut(usize, &[Lane; K], &[Lane; I], f64),
        >,
    ) {
        if PIVOT {
            let newest = inputs.map(|input| finite(input.row(row)));
            for (pivot, value) in pivots.iter_mut().zip(&newest) {
                *pivot = lane(|l| if value[l].is_nan() { pivot[l] } else { value[l] });
            }
        }
        self.suffixes.resize(self.window * K, [0.0; LANES]);
        let mut suffix = empty;
        for age in 0..self.window {
            let values = inputs.map(|input| finite(input.back(row, age)));
            let here = Place { at: -(age as f64), bar: first + row - age };
            let terms = (parts.terms)(deviations(&values, pivots), here);
            suffix = (parts.join)(&terms, &suffix);
            let at = (self.window - 1 - age) * K;
            self.suffixes[at..at + K].copy_from_slice(&suffix);
        }
    }
}

/// Adds the terms of older and newer bars.
#[inline(always)]
pub(crate) fn add<const K: usize>(older: &[Lane; K], newer: &[Lane; K]) -> [Lane; K] {
    let mut sums = [[0.0; LANES]; K];
    for k in 0..K {
        for l in 0..LANES {
            sums[k][l] = older[k][l] + newer[k][l];
        }
    }
    sums
}

/// 1 where there is a value, 0 where there is none.
#[inline(always)]
pub(crate) fn present(values: &Lane) -> Lane {
    lane(|l| if values[l].is_nan() { 0.0 } else { 1.0 })
}

/// Nothing in place of a missing value.
#[inline(always)]
pub(crate) fn or_zero(values: &Lane) -> Lane {
    lane(|l| if values[l].is_nan() { 0.0 } else { values[l] })
}

/// What a pandas window sees: an infinity counts as missing.
#[inline(always)]
pub(crate) fn finite(values: &Lane) -> Lane {
    lane(|l| if values[l].abs() < f64::INFINITY { values[l] } else { f64::NAN })
}

#[inline(always)]
fn deviations<const I: usize>(values: &[Lane; I], pivots: &[Lane; I]) -> [Lane; I] {
    let mut result = *values;
    for (values, pivots) in result.iter_mut().zip(pivots) {
        for (value, pivot) in values.iter_mut().zip(pivots) {
            *value -= pivot;
        }
    }
    result
}

/// Takes an instrument's first value for its pivot; whether some still have none.
#[inline(always)]
fn settle_pivots<const I: usize>(pivots: &mut [Lane; I], values: &[Lane; I]) -> bool {
    for (pivots, values) in pivots.iter_mut().zip(values) {
        *pivots = lane(|l| if pivots[l].is_nan() { values[l] } else { pivots[l] });
    }
    pivots.as_flattened().iter().any(|pivot| pivot.is_nan())
}

#[inline(always)]
fn load<const K: usize>(lanes: &[Lane], otherwise: [Lane; K]) -> [Lane; K] {
    <[Lane; K]>::try_from(lanes).unwrap_or(otherwise)
}

#[inline(always)]
fn load_row<const K: usize>(lanes: &[Lane], row: usize) -> [Lane; K] {
    let rows: &[[Lane; K]] = lanes.as_chunks().0;
    rows[row]
}

fn store<const K: usize>(lanes: &mut Vec<Lane>, values: &[Lane; K]) {
    lanes.clear();
    lanes.extend_from_slice(values);
}
