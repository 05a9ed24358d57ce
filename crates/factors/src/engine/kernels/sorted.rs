//! Order statistics of a window that is kept sorted.

use crate::engine::lanes::{LANES, Lane, Rows, lane};
use crate::engine::vectorise::{Kernel, vectorise};

/// Windows up to this many bars are kept sorted with one sweep over all instruments of a group: up
/// to here it is faster than any structure that looks for its place.
pub(crate) const SWEPT: usize = 96;

/// What is read off a sorted window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// With linear interpolation between neighbours; the quantile by its bits.
    Quantile(u64),
    Median,
    /// Rank of the newest value as a share of the values; equals share their mean rank.
    Rank,
}

/// A number that windows are sorted by.
pub(crate) trait Real: Copy + PartialOrd + Default {
    /// Stands for a missing value: it sorts behind all others.
    const ABSENT: Self;
    fn double(self) -> f64;
    fn is_finite(self) -> bool;
}

impl Real for f32 {
    const ABSENT: Self = f32::INFINITY;
    #[inline(always)]
    fn double(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.abs() < f32::INFINITY
    }
}

impl Real for f64 {
    const ABSENT: Self = f64::INFINITY;
    #[inline(always)]
    fn double(self) -> f64 {
        self
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.abs() < f64::INFINITY
    }
}

/// A short window, sorted: one row a place, the smallest values first.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Swept<T> {
    rows: Vec<[T; LANES]>,
    counts: Lane,
}

/// A sweep over one block.
struct Sweep<'a, 'b, T> {
    state: &'a mut Swept<T>,
    values: Rows<'a, T>,
    span: (usize, usize),
    outputs: &'a mut [(Order, &'b mut [Lane])],
}

impl<T: Real> Kernel for Sweep<'_, '_, T> {
    #[inline(always)]
    fn run(self) {
        self.state.sweep(self.values, self.span, self.outputs);
    }
}

impl<T: Real> Swept<T> {
    pub(crate) fn new(window: usize) -> Self {
        Self { rows: vec![[T::ABSENT; LANES]; window + 1], counts: [0.0; LANES] }
    }

    /// Whether it is of the same window.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.rows.len() == other.rows.len()
    }

    pub(crate) fn run(
        &mut self,
        values: Rows<'_, T>,
        span: (usize, usize),
        outputs: &mut [(Order, &mut [Lane])],
    ) {
        vectorise(Sweep { state: self, values, span, outputs });
    }

    #[inline(always)]
    fn sweep(
        &mut self,
        values: Rows<'_, T>,
        (first, bars): (usize, usize),
        outputs: &mut [(Order, &mut [Lane])],
    ) {
        let window = self.rows.len() - 1;
        for row in 0..bars {
            let newest = absent_or_finite(values.row(row));
            let oldest = match first + row >= window {
                true => absent_or_finite(values.back(row, window)),
                false => [T::ABSENT; LANES],
            };
            self.replace(&oldest, &newest);
            for (order, out) in outputs.iter_mut() {
                out[row] = match order {
                    Order::Rank => self.rank(&newest),
                    Order::Median => {
                        lane(|l| middle(self.counts[l], |place| self.rows[place][l].double()))
                    }
                    Order::Quantile(q) => {
                        let q = f64::from_bits(*q);
                        lane(|l| {
                            interpolated(q, self.counts[l], |place| self.rows[place][l].double())
                        })
                    }
                };
            }
        }
    }

    /// Takes one value out and puts another in, in one sweep. The last row stays absent.
    #[inline(always)]
    fn replace(&mut self, oldest: &[T; LANES], newest: &[T; LANES]) {
        for l in 0..LANES {
            let change = f64::from(u8::from(newest[l].is_finite()))
                - f64::from(u8::from(oldest[l].is_finite()));
            self.counts[l] += change;
        }
        let mut carried = *newest;
        let mut here = self.rows[0];
        for place in 0..self.rows.len() - 1 {
            let next = self.rows[place + 1];
            let row = &mut self.rows[place];
            for l in 0..LANES {
                // The rows are sorted, so all from the oldest value's place on move up.
                let moved = if here[l] < oldest[l] { here[l] } else { next[l] };
                row[l] = if moved < carried[l] { moved } else { carried[l] };
                carried[l] = if moved < carried[l] { carried[l] } else { moved };
            }
            here = next;
        }
    }

    #[inline(always)]
    fn rank(&self, newest: &[T; LANES]) -> Lane {
        let (mut below, mut equal) = ([0i32; LANES], [0i32; LANES]);
        for row in &self.rows {
            for l in 0..LANES {
                below[l] += i32::from(row[l] < newest[l]);
                equal[l] += i32::from(row[l] == newest[l]);
            }
        }
        lane(|l| {
            let rank = f64::from(2 * below[l] + equal[l] + 1) / 2.0;
            if newest[l].is_finite() { rank / self.counts[l] } else { f64::NAN }
        })
    }
}

#[inline(always)]
fn absent_or_finite<T: Real>(values: &[T; LANES]) -> [T; LANES] {
    let mut row = *values;
    for value in &mut row {
        *value = if value.is_finite() { *value } else { T::ABSENT };
    }
    row
}

/// The quantile `q` of `count` values that `at` gives in rising order, with linear interpolation.
#[inline(always)]
pub(crate) fn interpolated(q: f64, count: f64, at: impl Fn(usize) -> f64) -> f64 {
    if count == 0.0 {
        return f64::NAN;
    }
    let place = q * (count - 1.0);
    let below = place as usize;
    let low = at(below);
    if place > below as f64 { low + (at(below + 1) - low) * (place - below as f64) } else { low }
}

#[inline(always)]
fn middle(count: f64, at: impl Fn(usize) -> f64) -> f64 {
    let count = count as usize;
    match count {
        0 => f64::NAN,
        n if n % 2 == 1 => at(n / 2),
        n => (at(n / 2 - 1) + at(n / 2)) / 2.0,
    }
}

/// Long windows: each instrument's values in a list of short sorted runs, so that a bar costs about
/// the root of the window.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ranked {
    window: usize,
    instruments: [RunList; LANES],
}

impl Ranked {
    /// `window` of 0 takes everything.
    pub(crate) fn new(window: usize) -> Self {
        Self { window, ..Self::default() }
    }

    /// Whether it is of the same window.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.window == other.window
    }

    pub(crate) fn run(
        &mut self,
        values: Rows<'_, f64>,
        (first, bars): (usize, usize),
        outputs: &mut [(Order, &mut [Lane])],
    ) {
        for row in 0..bars {
            for l in 0..LANES {
                let list = &mut self.instruments[l];
                if self.window > 0 && first + row >= self.window {
                    list.remove(values.back(row, self.window)[l]);
                }
                let newest = values.row(row)[l];
                list.insert(newest);
                for (order, out) in outputs.iter_mut() {
                    out[row][l] = list.read(*order, newest);
                }
            }
        }
    }
}

/// Values in ascending runs.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct RunList {
    runs: Vec<Vec<f64>>,
    count: usize,
}

/// A run is split in two beyond this length.
const LONGEST_RUN: usize = 256;

impl RunList {
    /// The run that a value belongs to: the first that ends with it or above.
    fn run_of(&self, value: f64) -> usize {
        self.runs.partition_point(|run| run.last().is_some_and(|&last| last < value))
    }

    fn insert(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.count += 1;
        let at = self.run_of(value).min(self.runs.len().saturating_sub(1));
        match self.runs.get_mut(at) {
            None => self.runs.push(vec![value]),
            Some(run) => {
                run.insert(run.partition_point(|&known| known < value), value);
                if run.len() > LONGEST_RUN {
                    let upper = run.split_off(LONGEST_RUN / 2);
                    self.runs.insert(at + 1, upper);
                }
            }
        }
    }

    fn remove(&mut self, value: f64) {
        let at = self.run_of(value);
        let Some(run) = self.runs.get_mut(at).filter(|_| value.is_finite()) else { return };
        run.remove(run.partition_point(|&known| known < value));
        self.count -= 1;
        if run.is_empty() {
            self.runs.remove(at);
        }
    }

    fn read(&self, order: Order, newest: f64) -> f64 {
        let count = self.count as f64;
        match order {
            Order::Quantile(q) => interpolated(f64::from_bits(q), count, |place| self.at(place)),
            Order::Median => middle(count, |place| self.at(place)),
            Order::Rank if !newest.is_finite() => f64::NAN,
            Order::Rank => {
                let below = self.number(|known| known < newest);
                let upto = self.number(|known| known <= newest);
                (below + 1 + upto) as f64 / 2.0 / count
            }
        }
    }

    fn at(&self, mut place: usize) -> f64 {
        for run in &self.runs {
            match run.get(place) {
                Some(&value) => return value,
                None => place -= run.len(),
            }
        }
        f64::NAN
    }

    /// How many values, counted from the smallest, satisfy a condition that small ones satisfy.
    fn number(&self, holds: impl Fn(f64) -> bool) -> usize {
        let mut number = 0;
        for run in &self.runs {
            match run.last() {
                Some(&last) if holds(last) => number += run.len(),
                _ => return number + run.partition_point(|&value| holds(value)),
            }
        }
        number
    }
}
