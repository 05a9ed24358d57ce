use super::slide::finite;
use crate::engine::lanes::{LANES, Lane, MISSING, Rows, ZEROS, lane};

/// An exponential mean on its way: pandas' `ewm(adjust=True, ignore_na=False).mean()`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ema {
    mean: Lane,
    weight: Lane,
}

impl Default for Ema {
    fn default() -> Self {
        Self { mean: MISSING, weight: [1.0; LANES] }
    }
}

impl Ema {
    /// `keep` is what a weight loses a bar: one less the smoothing factor.
    #[inline(always)]
    pub(crate) fn run(&mut self, values: Rows<'_, f64>, bars: usize, keep: f64, out: &mut [Lane]) {
        let (mut mean, mut weight) = (self.mean, self.weight);
        for (row, out) in out.iter_mut().enumerate().take(bars) {
            let value = finite(values.row(row));
            let old = lane(|l| weight[l] * keep);
            let next = lane(|l| (old[l] * mean[l] + value[l]) / (old[l] + 1.0));
            weight = lane(|l| match (mean[l].is_nan(), value[l].is_nan()) {
                (true, _) => 1.0,
                (false, true) => old[l],
                (false, false) => old[l] + 1.0,
            });
            mean = lane(|l| match () {
                () if mean[l].is_nan() => value[l],
                () if value[l].is_nan() || mean[l] == value[l] => mean[l],
                () => next[l],
            });
            *out = mean;
        }
        (self.mean, self.weight) = (mean, weight);
    }
}

/// `EMA(x, 0)`: all bars so far, weighted as Qlib does; the factor depends on their number, so
/// every bar looks at all of them.
#[inline(always)]
pub(crate) fn growing(
    history: &mut Vec<Lane>,
    values: Rows<'_, f64>,
    (first, bars): (usize, usize),
    starts: &[usize],
    out: &mut [Lane],
) {
    for (row, out) in out.iter_mut().enumerate().take(bars) {
        history.push(finite(values.row(row)));
        let length = |l: usize| (first + row + 1).saturating_sub(starts[l]);
        let keep = lane(|l| 1.0 - 2.0 / (1.0 + length(l) as f64));
        let (mut weight, mut weights, mut sum, mut count) = ([1.0; LANES], ZEROS, ZEROS, ZEROS);
        for (age, value) in history.iter().rev().enumerate() {
            let listed = lane(|l| if age < length(l) { weight[l] } else { 0.0 });
            weights = lane(|l| weights[l] + listed[l]);
            sum = lane(|l| if value[l].is_nan() { sum[l] } else { sum[l] + listed[l] * value[l] });
            count = lane(|l| if value[l].is_nan() { count[l] } else { count[l] + 1.0 });
            weight = lane(|l| weight[l] * keep[l]);
        }
        *out = lane(|l| if count[l] == 0.0 { f64::NAN } else { sum[l] / weights[l] });
    }
}

/// How often the newest value repeats; a missing value neither counts nor ends the repetition.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Repetition {
    value: Lane,
    length: Lane,
}

impl Default for Repetition {
    fn default() -> Self {
        Self { value: MISSING, length: ZEROS }
    }
}

impl Repetition {
    #[inline(always)]
    pub(crate) fn run(&mut self, values: Rows<'_, f64>, bars: usize, out: &mut [Lane]) {
        let (mut known, mut length) = (self.value, self.length);
        for (row, out) in out.iter_mut().enumerate().take(bars) {
            let value = finite(values.row(row));
            length = lane(|l| match () {
                () if value[l] == known[l] => length[l] + 1.0,
                () if value[l].is_nan() => length[l],
                () => 1.0,
            });
            known = lane(|l| if value[l].is_nan() { known[l] } else { value[l] });
            *out = length;
        }
        (self.value, self.length) = (known, length);
    }
}
