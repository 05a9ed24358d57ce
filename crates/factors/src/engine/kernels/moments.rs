use super::slide::{Place, Statistic, finite, or_zero, present};
use crate::engine::lanes::{Lane, MISSING, Rows, ZEROS, lane};
use crate::engine::vectorise::Kernel;

/// Sample variance and standard deviation (one degree of freedom); one value has none. A window
/// that the newest value fills has exactly 0: `runs` counts how often it repeats.
pub(crate) struct Spread<'a> {
    pub(crate) runs: Rows<'a, f64>,
    pub(crate) counts: Counts,
    pub(crate) var: Option<&'a mut [Lane]>,
    pub(crate) std: Option<&'a mut [Lane]>,
}

impl Statistic<1, 3> for Spread<'_> {
    const PIVOT: bool = true;

    #[inline(always)]
    fn terms(&self, [x]: &[Lane; 1], _: Place) -> [Lane; 3] {
        let d = or_zero(x);
        [present(x), d, lane(|l| d[l] * d[l])]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [n, sum, squares]: &[Lane; 3], _: &[Lane; 1], _: f64) {
        self.counts.update(n);
        let (by_n, by_less) = (&self.counts.reciprocal, &self.counts.reciprocal_less_one);
        let run = self.runs.row(row);
        let var = lane(|l| {
            let spread = squares[l] - sum[l] * sum[l] * by_n[l];
            let spread = if run[l] >= n[l] || spread < 0.0 { 0.0 } else { spread };
            spread * by_less[l]
        });
        if let Some(out) = &mut self.std {
            out[row] = lane(|l| var[l].sqrt());
        }
        if let Some(out) = &mut self.var {
            out[row] = var;
        }
    }
}

/// Reciprocals of the number of values, which seldom changes.
pub(crate) struct Counts {
    of: Lane,
    reciprocal: Lane,
    /// Of the number less one; NaN below two values.
    reciprocal_less_one: Lane,
}

impl Default for Counts {
    fn default() -> Self {
        Self { of: ZEROS, reciprocal: MISSING, reciprocal_less_one: MISSING }
    }
}

impl Counts {
    #[inline(always)]
    fn update(&mut self, counts: &Lane) {
        if self.of != *counts {
            self.of = *counts;
            self.reciprocal = lane(|l| 1.0 / counts[l]);
            self.reciprocal_less_one =
                lane(|l| if counts[l] < 2.0 { f64::NAN } else { 1.0 / (counts[l] - 1.0) });
        }
    }
}

/// Variances up to this size make a shape meaningless; pandas' bound.
const DEGENERATE: f64 = 1e-14;

/// Adjusted Fisher–Pearson skewness (three values at least; 0 for a constant window) and sample
/// excess kurtosis (four at least; -3 for a constant window).
pub(crate) struct Shape<'a> {
    pub(crate) runs: Rows<'a, f64>,
    pub(crate) skew: Option<&'a mut [Lane]>,
    pub(crate) kurt: Option<&'a mut [Lane]>,
}

impl Statistic<1, 5> for Shape<'_> {
    const PIVOT: bool = true;

    #[inline(always)]
    fn terms(&self, [x]: &[Lane; 1], _: Place) -> [Lane; 5] {
        let d = or_zero(x);
        let d2 = lane(|l| d[l] * d[l]);
        [present(x), d, d2, lane(|l| d2[l] * d[l]), lane(|l| d2[l] * d2[l])]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [n, s1, s2, s3, s4]: &[Lane; 5], _: &[Lane; 1], _: f64) {
        let run = self.runs.row(row);
        if let Some(out) = &mut self.skew {
            out[row] = lane(|l| skewness([n[l], s1[l], s2[l], s3[l]], run[l]));
        }
        if let Some(out) = &mut self.kurt {
            out[row] = lane(|l| kurtosis([n[l], s1[l], s2[l], s3[l], s4[l]], run[l]));
        }
    }
}

#[inline(always)]
fn skewness([n, s1, s2, s3]: [f64; 4], run: f64) -> f64 {
    let (mean, square) = (s1 / n, s2 / n);
    let second = square - mean * mean;
    let third = s3 / n - 3.0 * mean * square + 2.0 * mean * mean * mean;
    match n {
        n if n < 3.0 => f64::NAN,
        n if run >= n => 0.0,
        _ if second <= DEGENERATE => f64::NAN,
        n => (n * (n - 1.0)).sqrt() / (n - 2.0) * third / second.powf(1.5),
    }
}

#[inline(always)]
fn kurtosis([n, s1, s2, s3, s4]: [f64; 5], run: f64) -> f64 {
    let (mean, square) = (s1 / n, s2 / n);
    let second = square - mean * mean;
    let fourth = s4 / n - 4.0 * mean * s3 / n + 6.0 * mean * mean * square - 3.0 * mean.powi(4);
    match n {
        n if n < 4.0 => f64::NAN,
        n if run >= n => -3.0,
        _ if second <= DEGENERATE => f64::NAN,
        n => {
            let raw = (n * n - 1.0) * fourth / (second * second);
            (raw - 3.0 * (n - 1.0) * (n - 1.0)) / ((n - 2.0) * (n - 3.0))
        }
    }
}

/// Mean absolute deviation from a window's mean: one scan of the window a bar.
pub(crate) struct MeanDeviation<'a> {
    /// All earlier bars, where the window is everything.
    pub(crate) history: &'a mut Vec<Lane>,
    pub(crate) values: Rows<'a, f64>,
    /// Bar of row 0, and bars.
    pub(crate) span: (usize, usize),
    pub(crate) window: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Kernel for MeanDeviation<'_> {
    #[inline(always)]
    fn run(self) {
        let (first, bars) = self.span;
        for row in 0..bars {
            self.out[row] = if self.window == 0 {
                self.history.push(finite(self.values.row(row)));
                deviation_of(self.history.iter().copied())
            } else {
                let kept = self.window.min(first + row + 1);
                deviation_of((0..kept).map(|age| finite(self.values.back(row, age))))
            };
        }
    }
}

#[inline(always)]
fn deviation_of(bars: impl Iterator<Item = Lane> + Clone) -> Lane {
    let (mut count, mut sum) = (ZEROS, ZEROS);
    for bar in bars.clone() {
        let (one, value) = (present(&bar), or_zero(&bar));
        count = lane(|l| count[l] + one[l]);
        sum = lane(|l| sum[l] + value[l]);
    }
    let mean = lane(|l| sum[l] / count[l]);
    let mut deviation = ZEROS;
    for bar in bars {
        let distance = or_zero(&lane(|l| (bar[l] - mean[l]).abs()));
        deviation = lane(|l| deviation[l] + distance[l]);
    }
    lane(|l| deviation[l] / count[l])
}
