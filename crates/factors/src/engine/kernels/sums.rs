use super::slide::{Parts, Place, Sliding, add, or_zero, present};
use crate::engine::lanes::{Lane, Rows, lane};

/// What a window's sum gives.
#[derive(Default)]
pub(crate) struct SumOutputs<'a> {
    pub(crate) sum: Option<&'a mut [Lane]>,
    pub(crate) mean: Option<&'a mut [Lane]>,
}

/// Sum and mean of a window; missing values do not count, a window without any has neither.
///
/// `runs` counts how often the newest value repeats: a window filled by it is answered without
/// rounding, as pandas does.
#[inline(always)]
pub(crate) fn sums(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    runs: Option<Rows<'_, f64>>,
    span: (usize, usize),
    mut outputs: SumOutputs<'_>,
) {
    let terms = |[values]: [Lane; 1], _| [present(&values), or_zero(&values)];
    let finish = |row: usize, [count, sum]: &[Lane; 2], _: &[Lane; 1], _| {
        let mut sum = lane(|l| if count[l] == 0.0 { f64::NAN } else { sum[l] });
        let mut mean = lane(|l| sum[l] / count[l]);
        if let Some(runs) = &runs {
            let (run, value) = (runs.row(row), values.row(row));
            let filled = |l: usize| run[l] >= count[l] && value[l].abs() < f64::INFINITY;
            sum = lane(|l| if filled(l) { value[l] * count[l] } else { sum[l] });
            mean = lane(|l| if filled(l) { value[l] } else { mean[l] });
        }
        if let Some(out) = &mut outputs.sum {
            out[row] = sum;
        }
        if let Some(out) = &mut outputs.mean {
            out[row] = mean;
        }
    };
    state.run::<1, 2, false>([values], span, [0.0; 2], Parts { terms, join: add, finish });
}

/// Product of the values of a window.
#[inline(always)]
pub(crate) fn product(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    span: (usize, usize),
    out: &mut [Lane],
) {
    let factor = |values: &Lane| lane(|l| if values[l].is_nan() { 1.0 } else { values[l] });
    let terms = |[values]: [Lane; 1], _| [present(&values), factor(&values)];
    let join = |older: &[Lane; 2], newer: &[Lane; 2]| {
        [lane(|l| older[0][l] + newer[0][l]), lane(|l| older[1][l] * newer[1][l])]
    };
    let finish = |row: usize, [count, product]: &[Lane; 2], _: &[Lane; 1], _| {
        out[row] = lane(|l| if count[l] == 0.0 { f64::NAN } else { product[l] });
    };
    state.run::<1, 2, false>([values], span, [0.0, 1.0], Parts { terms, join, finish });
}

/// How the weights of [`weighted`] are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Weighting {
    /// Qlib's WMA: over the bars the window has, and the *mean* of the weighted values, not their
    /// sum.
    QlibMean,
    /// WorldQuant's `decay_linear`: the sum, where every bar of the window has its value.
    Complete,
}

/// Values weighted 1, 2, … up to the newest; the weights sum to 1. `starts` are the first bars of
/// the instruments.
#[inline(always)]
pub(crate) fn weighted(
    state: &mut Sliding,
    values: Rows<'_, f64>,
    (first, bars): (usize, usize),
    starts: &[usize],
    (window, weighting): (usize, Weighting),
    out: &mut [Lane],
) {
    let terms = |[values]: [Lane; 1], Place { at: place, .. }: Place| {
        let values_or_zero = or_zero(&values);
        [present(&values), values_or_zero, lane(|l| values_or_zero[l] * place)]
    };
    let finish = |row: usize, [count, sum, placed]: &[Lane; 3], _: &[Lane; 1], place: f64| {
        out[row] = lane(|l| {
            let listed = (first + row + 1).saturating_sub(starts[l]);
            let length = if window == 0 { listed } else { listed.min(window) } as f64;
            // The newest bar lies at `place` and has the weight `length`.
            let weighed = placed[l] + (length - place) * sum[l];
            let mean = weighed / (length * (length + 1.0) / 2.0);
            match weighting {
                Weighting::QlibMean => mean / count[l],
                Weighting::Complete if count[l] == window as f64 => mean,
                Weighting::Complete => f64::NAN,
            }
        });
    };
    let parts = Parts { terms, join: add, finish };
    state.run::<1, 3, false>([values], (first, bars), [0.0; 3], parts);
}
