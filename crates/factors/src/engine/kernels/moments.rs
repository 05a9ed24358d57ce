use super::slide::{Parts, Sliding, add, or_zero, present};
use crate::engine::lanes::{Lane, MISSING, Rows, ZEROS, lane};

/// What the second moment of a window gives.
#[derive(Default)]
pub(crate) struct SpreadOutputs<'a> {
    pub(crate) var: Option<&'a mut [Lane]>,
    pub(crate) std: Option<&'a mut [Lane]>,
}

/// Sample variance and standard deviation (one degree of freedom); one value has none. A window
/// that the newest value fills has exactly 0: `runs` counts how often it repeats.
#[inline(always)]
pub(crate) fn spread(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    runs: Rows<'_, f64>,
    span: (usize, usize),
    mut outputs: SpreadOutputs<'_>,
) {
    let mut counts = Counts::default();
    let terms = |[x]: [Lane; 1], _| {
        let d = or_zero(&x);
        [present(&x), d, lane(|l| d[l] * d[l])]
    };
    let finish = |row: usize, [n, sum, squares]: &[Lane; 3], _: &[Lane; 1], _| {
        counts.update(n);
        let run = runs.row(row);
        let var = lane(|l| {
            let spread = squares[l] - sum[l] * sum[l] * counts.reciprocal[l];
            let spread = if run[l] >= n[l] || spread < 0.0 { 0.0 } else { spread };
            spread * counts.reciprocal_less_one[l]
        });
        if let Some(out) = &mut outputs.std {
            out[row] = lane(|l| var[l].sqrt());
        }
        if let Some(out) = &mut outputs.var {
            out[row] = var;
        }
    };
    state.run::<1, 3, true>([values], span, [0.0; 3], Parts { terms, join: add, finish });
}

/// Reciprocals of the number of values, which seldom changes.
struct Counts {
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

/// What the third and fourth moment of a window give.
#[derive(Default)]
pub(crate) struct ShapeOutputs<'a> {
    pub(crate) skew: Option<&'a mut [Lane]>,
    pub(crate) kurt: Option<&'a mut [Lane]>,
}

/// Variances up to this size make a shape meaningless; pandas' bound.
const DEGENERATE: f64 = 1e-14;

/// Adjusted Fisher–Pearson skewness (three values at least; 0 for a constant window) and sample
/// excess kurtosis (four at least; -3 for a constant window).
#[inline(always)]
pub(crate) fn shape(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    runs: Rows<'_, f64>,
    span: (usize, usize),
    mut outputs: ShapeOutputs<'_>,
) {
    let terms = |[x]: [Lane; 1], _| {
        let d = or_zero(&x);
        let d2 = lane(|l| d[l] * d[l]);
        [present(&x), d, d2, lane(|l| d2[l] * d[l]), lane(|l| d2[l] * d2[l])]
    };
    let finish = |row: usize, sums: &[Lane; 5], _: &[Lane; 1], _| {
        let run = runs.row(row);
        if let Some(out) = &mut outputs.skew {
            out[row] = lane(|l| skewness(&sums.map(|sum| sum[l]), run[l]));
        }
        if let Some(out) = &mut outputs.kurt {
            out[row] = lane(|l| kurtosis(&sums.map(|sum| sum[l]), run[l]));
        }
    };
    state.run::<1, 5, true>([values], span, [0.0; 5], Parts { terms, join: add, finish });
}

#[inline(always)]
fn skewness(&[n, s1, s2, s3, _]: &[f64; 5], run: f64) -> f64 {
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
fn kurtosis(&[n, s1, s2, s3, s4]: &[f64; 5], run: f64) -> f64 {
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

/// Mean absolute deviation from a window's mean: one scan of the window a bar. `history` holds all
/// earlier bars where the window is everything.
#[inline(always)]
pub(crate) fn mean_deviation(
    history: &mut Vec<Lane>,
    values: Rows<'_, f64>,
    (first, bars): (usize, usize),
    window: usize,
    out: &mut [Lane],
) {
    for row in 0..bars {
        let deviation = if window == 0 {
            history.push(super::slide::finite(values.row(row)));
            deviation_of(history.iter().copied())
        } else {
            let kept = window.min(first + row + 1);
            deviation_of((0..kept).map(|age| super::slide::finite(values.back(row, age))))
        };
        out[row] = deviation;
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
