//! Windows from suffixes and a prefix, without ever taking a value out.
//!
//! Time is cut into chunks as long as the window. A window then consists of a suffix of the former
//! chunk and a prefix of the present one. The suffixes are summed once, when a chunk is full; the
//! prefix grows by a bar at a time. So a bar costs three joins whatever the window is, nothing is
//! subtracted again, and what has left the window leaves no rounding behind. (The method is van
//! Herk's and Gil and Werman's for minima; it works for every associative operation.)
//!
//! Sums of powers are taken of deviations from a *pivot*, a value inside the window: the last one of
//! the former chunk, or where that bar is missing the first one of the present chunk. With `n` bars
//! the relative error of a variance stays below about `2 n² ε`, whatever the level of the series.

use crate::engine::lanes::{LANES, Lane, MISSING, Rows, lane};
use crate::engine::vectorise::{Kernel, vectorise};

/// What a window keeps between blocks.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sliding {
    /// Bars; 0 for everything since the first bar.
    window: usize,
    /// Of the former chunk, from each of its bars to its end; a row of terms a bar.
    suffixes: Vec<Lane>,
    prefix: Vec<Lane>,
    pivots: Vec<Lane>,
    /// Whose pivot the next value becomes: the former chunk ended without one.
    open: Vec<[bool; LANES]>,
    /// Whether there were suffixes, which are to be summed again.
    forgotten: bool,
}

/// Where a bar lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Bars since the former chunk's end; not above 0 in that chunk.
    pub(crate) at: f64,
    /// Number of the bar.
    pub(crate) bar: usize,
}

/// A statistic of windows over `I` series, from `K` terms a bar.
pub(crate) trait Statistic<const I: usize, const K: usize> {
    /// Whether the terms are those of deviations from a pivot, or of the values themselves.
    const PIVOT: bool;
    /// What joins with terms to those terms again.
    const IDENTITY: [f64; K] = [0.0; K];

    /// The terms of one bar. Missing values, infinities among them, are NaN.
    fn terms(&self, deviations: &[Lane; I], place: Place) -> [Lane; K];

    /// Joins the terms of older bars with those of newer ones.
    #[inline(always)]
    fn join(older: &[Lane; K], newer: &[Lane; K]) -> [Lane; K] {
        let mut sums = [[0.0; LANES]; K];
        for k in 0..K {
            for l in 0..LANES {
                sums[k][l] = older[k][l] + newer[k][l];
            }
        }
        sums
    }

    /// Takes the joined terms of the window that ends at a row, the pivots and the row's place.
    fn finish(&mut self, row: usize, terms: &[Lane; K], pivots: &[Lane; I], place: f64);
}

/// A run over one block.
struct Slide<'a, const I: usize, S> {
    state: &'a mut Sliding,
    inputs: [Rows<'a, f64>; I],
    span: (usize, usize),
    statistic: S,
}

impl<const I: usize, const K: usize, S: Statistic<I, K>> Kernel for (Slide<'_, I, S>, [(); K]) {
    #[inline(always)]
    fn run(self) {
        let (Slide { state, inputs, span, statistic }, _) = self;
        state.slide(inputs, span, statistic);
    }
}

impl Sliding {
    pub(crate) fn new(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// Leaves out what can be summed again from the columns that the window slides over.
    pub(crate) fn forget_suffixes(&mut self) {
        self.forgotten |= !self.suffixes.is_empty();
        self.suffixes.clear();
    }

    /// Whether it is as a stored state of the same window must be.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.window == other.window && self.suffixes.is_empty()
    }

    /// Runs over `bars` bars, the first of which is bar number `first`.
    pub(crate) fn run<const I: usize, const K: usize, S: Statistic<I, K>>(
        &mut self,
        inputs: [Rows<'_, f64>; I],
        span: (usize, usize),
        statistic: S,
    ) {
        vectorise((Slide { state: self, inputs, span, statistic }, [(); K]));
    }

    #[inline(always)]
    fn slide<const I: usize, const K: usize, S: Statistic<I, K>>(
        &mut self,
        inputs: [Rows<'_, f64>; I],
        (first, bars): (usize, usize),
        mut statistic: S,
    ) {
        let mut empty = [[0.0; LANES]; K];
        for (lane, value) in empty.iter_mut().zip(S::IDENTITY) {
            *lane = [value; LANES];
        }
        let mut prefix = load(&self.prefix, empty);
        let unset_pivots = if S::PIVOT { [MISSING; I] } else { [[0.0; LANES]; I] };
        let mut pivots = load(&self.pivots, unset_pivots);
        let mut open =
            <[[bool; LANES]; I]>::try_from(self.open.as_slice()).unwrap_or([[S::PIVOT; LANES]; I]);
        let mut any_open = open.as_flattened().contains(&true);
        let mut place = if self.window == 0 { first } else { first % self.window };
        // The bar that fills a chunk sums its suffixes anyway.
        if std::mem::take(&mut self.forgotten) && place + 1 < self.window {
            self.suffixes.resize(self.window * K, [0.0; LANES]);
            self.sum_suffixes((&inputs, 0, place + 1), first, &pivots, &statistic);
        }
        for row in 0..bars {
            let values = finite_rows(&inputs, row, 0);
            place += 1;
            if any_open && settle(&mut open, &mut pivots, &values) && place != self.window {
                self.sum_suffixes((&inputs, row, place), first, &pivots, &statistic);
                any_open = open.as_flattened().contains(&true);
            }
            let here = Place { at: place as f64, bar: first + row };
            let terms = statistic.terms(&deviations::<I>(&values, &pivots, S::PIVOT), here);
            prefix = S::join(&prefix, &terms);
            if place == self.window {
                if S::PIVOT {
                    any_open = self.repivot(&inputs, row, &mut pivots, &mut open);
                }
                self.suffixes.resize(self.window * K, [0.0; LANES]);
                self.sum_suffixes((&inputs, row, 0), first, &pivots, &statistic);
                statistic.finish(row, &load_row(&self.suffixes, 0), &pivots, 0.0);
                (prefix, place) = (empty, 0);
            } else if self.suffixes.is_empty() {
                statistic.finish(row, &prefix, &pivots, place as f64);
            } else {
                let joined = S::join(&load_row(&self.suffixes, place), &prefix);
                statistic.finish(row, &joined, &pivots, place as f64);
            }
        }
        store(&mut self.prefix, &prefix);
        store(&mut self.pivots, &pivots);
        self.open = open.to_vec();
    }

    /// Takes each instrument's newest value of the chunk that ends at `row` for its pivot; whether
    /// some ended without one.
    fn repivot<const I: usize>(
        &self,
        inputs: &[Rows<'_, f64>; I],
        row: usize,
        pivots: &mut [Lane; I],
        open: &mut [[bool; LANES]; I],
    ) -> bool {
        for (i, input) in inputs.iter().enumerate() {
            for l in 0..LANES {
                let value = |age: usize| input.back(row, age)[l];
                let newest = (0..self.window).map(value).position(f64::is_finite);
                pivots[i][l] = newest.map_or(pivots[i][l], value);
                open[i][l] = newest != Some(0);
            }
        }
        open.as_flattened().contains(&true)
    }

    /// Sums the suffixes of the chunk that ended `since` bars before `row`, as far as a window that
    /// ends at `row` or later reaches back.
    #[inline(always)]
    fn sum_suffixes<const I: usize, const K: usize, S: Statistic<I, K>>(
        &mut self,
        (inputs, row, since): (&[Rows<'_, f64>; I], usize, usize),
        first: usize,
        pivots: &[Lane; I],
        statistic: &S,
    ) {
        let mut suffix = [[0.0; LANES]; K];
        for (lane, value) in suffix.iter_mut().zip(S::IDENTITY) {
            *lane = [value; LANES];
        }
        let rows = self.suffixes.as_chunks_mut::<K>().0;
        for (age, out) in rows.iter_mut().rev().take(self.window.saturating_sub(since)).enumerate()
        {
            let values = finite_rows(inputs, row, since + age);
            let here = Place { at: -(age as f64), bar: (first + row).saturating_sub(since + age) };
            let terms = statistic.terms(&deviations::<I>(&values, pivots, S::PIVOT), here);
            suffix = S::join(&terms, &suffix);
            *out = suffix;
        }
    }
}

#[inline(always)]
fn finite_rows<const I: usize>(inputs: &[Rows<'_, f64>; I], row: usize, age: usize) -> [Lane; I] {
    let mut values = [[0.0; LANES]; I];
    for (values, input) in values.iter_mut().zip(inputs) {
        *values = finite(input.back(row, age));
    }
    values
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
fn deviations<const I: usize>(
    values: &[Lane; I],
    pivots: &[Lane; I],
    from_pivot: bool,
) -> [Lane; I] {
    let mut result = *values;
    if from_pivot {
        for (values, pivots) in result.iter_mut().zip(pivots) {
            for (value, pivot) in values.iter_mut().zip(pivots) {
                *value -= pivot;
            }
        }
    }
    result
}

/// Takes a value for the pivot of an instrument that waits for one; whether any did.
#[inline(always)]
fn settle<const I: usize>(
    open: &mut [[bool; LANES]; I],
    pivots: &mut [Lane; I],
    values: &[Lane; I],
) -> bool {
    let mut settled = false;
    for i in 0..I {
        for l in 0..LANES {
            let found = open[i][l] && !values[i][l].is_nan();
            pivots[i][l] = if found { values[i][l] } else { pivots[i][l] };
            open[i][l] &= !found;
            settled |= found;
        }
    }
    settled
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
