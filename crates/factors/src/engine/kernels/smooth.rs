use super::slide::finite;
use crate::engine::lanes::{LANES, Lane, MISSING, Rows, ZEROS, lane};
use crate::engine::vectorise::Kernel;

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

/// A smoothing over one block.
pub(crate) struct EmaRun<'a> {
    pub(crate) state: &'a mut Ema,
    pub(crate) values: Rows<'a, f64>,
    pub(crate) bars: usize,
    /// A span in bars, or below 1 the smoothing factor.
    pub(crate) factor: f64,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for EmaRun<'_> {
    #[inline(always)]
    fn run(self) {
        let factor = if self.factor < 1.0 { self.factor } else { 2.0 / (self.factor + 1.0) };
        let keep = 1.0 - factor;
        let (mut mean, mut weight) = (self.state.mean, self.state.weight);
        for row in 0..self.bars {
            let value = finite(self.values.row(row));
            let old = lane(|l| weight[l] * keep);
            let next = lane(|l| (old[l] * mean[l] + value[l]) / (old[l] + 1.0));
            for l in 0..LANES {
                let missing = value[l].is_nan();
                let grown = if missing { old[l] } else { old[l] + 1.0 };
                let still = missing || mean[l] == value[l];
                (mean[l], weight[l]) = match mean[l].is_nan() {
                    true => (value[l], 1.0),
                    false => (if still { mean[l] } else { next[l] }, grown),
                };
            }
            self.out[row] = mean;
        }
        (self.state.mean, self.state.weight) = (mean, weight);
    }
}

/// `EMA(x, 0)`: all bars so far, weighted as Qlib does; the factor depends on their number, so
/// every bar looks at all of them.
pub(crate) struct Growing<'a> {
    pub(crate) history: &'a mut Vec<Lane>,
    pub(crate) values: Rows<'a, f64>,
    /// Bar of row 0, and bars.
    pub(crate) span: (usize, usize),
    /// The instruments' first bars.
    pub(crate) starts: &'a [usize; LANES],
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for Growing<'_> {
    #[inline(always)]
    fn run(self) {
        let (first, bars) = self.span;
        for row in 0..bars {
            self.history.push(finite(self.values.row(row)));
            let mut listed = [0; LANES];
            for (listed, start) in listed.iter_mut().zip(self.starts) {
                *listed = (first + row + 1).saturating_sub(*start);
            }
            self.out[row] = grown(self.history, &listed);
        }
    }
}

#[inline(always)]
fn grown(history: &[Lane], listed: &[usize; LANES]) -> Lane {
    let keep = lane(|l| 1.0 - 2.0 / (1.0 + listed[l] as f64));
    let (mut weight, mut weights, mut sum, mut count) = ([1.0; LANES], ZEROS, ZEROS, ZEROS);
    for (age, value) in history.iter().rev().enumerate() {
        let own = lane(|l| if age < listed[l] { weight[l] } else { 0.0 });
        weights = lane(|l| weights[l] + own[l]);
        sum = lane(|l| if value[l].is_nan() { sum[l] } else { sum[l] + own[l] * value[l] });
        count = lane(|l| if value[l].is_nan() { count[l] } else { count[l] + 1.0 });
        weight = lane(|l| weight[l] * keep[l]);
    }
    lane(|l| if count[l] == 0.0 { f64::NAN } else { sum[l] / weights[l] })
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

/// A count over one block.
pub(crate) struct RepetitionRun<'a> {
    pub(crate) state: &'a mut Repetition,
    pub(crate) values: Rows<'a, f64>,
    pub(crate) bars: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for RepetitionRun<'_> {
    #[inline(always)]
    fn run(self) {
        let (mut known, mut length) = (self.state.value, self.state.length);
        for row in 0..self.bars {
            let value = finite(self.values.row(row));
            for l in 0..LANES {
                let missing = value[l].is_nan();
                let grown = if value[l] == known[l] { length[l] + 1.0 } else { 1.0 };
                length[l] = if missing { length[l] } else { grown };
                known[l] = if missing { known[l] } else { value[l] };
            }
            self.out[row] = length;
        }
        (self.state.value, self.state.length) = (known, length);
    }
}
