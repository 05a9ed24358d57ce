use super::slide::{Place, Statistic, or_zero, present};
use crate::engine::lanes::{LANES, Lane, Rows, lane};

/// Sum and mean of a window; missing values do not count, a window without any has neither.
///
/// `runs` counts how often the newest value repeats: a window filled by it is answered without
/// rounding, as pandas does.
#[derive(Default)]
pub(crate) struct Sums<'a> {
    pub(crate) values: Option<Rows<'a, f64>>,
    pub(crate) runs: Option<Rows<'a, f64>>,
    pub(crate) sum: Option<&'a mut [Lane]>,
    pub(crate) mean: Option<&'a mut [Lane]>,
}

impl Statistic<1, 2> for Sums<'_> {
    const PIVOT: bool = false;

    #[inline(always)]
    fn terms(&self, [values]: &[Lane; 1], _: Place) -> [Lane; 2] {
        [present(values), or_zero(values)]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [count, sum]: &[Lane; 2], _: &[Lane; 1], _: f64) {
        let mut sum = lane(|l| if count[l] == 0.0 { f64::NAN } else { sum[l] });
        let mut filled = [false; LANES];
        let mut newest = [0.0; LANES];
        if let (Some(runs), Some(values)) = (&self.runs, &self.values) {
            let run = runs.row(row);
            newest = *values.row(row);
            for l in 0..LANES {
                filled[l] = run[l] >= count[l] && newest[l].abs() < f64::INFINITY;
                sum[l] = if filled[l] { newest[l] * count[l] } else { sum[l] };
            }
        }
        if let Some(out) = &mut self.mean {
            out[row] = lane(|l| if filled[l] { newest[l] } else { sum[l] / count[l] });
        }
        if let Some(out) = &mut self.sum {
            out[row] = sum;
        }
    }
}

/// Product of a window in which every bar has its value.
pub(crate) struct Product<'a> {
    pub(crate) window: usize,
    pub(crate) out: &'a mut [Lane],
}

impl Statistic<1, 2> for Product<'_> {
    const PIVOT: bool = false;
    const IDENTITY: [f64; 2] = [0.0, 1.0];

    #[inline(always)]
    fn terms(&self, [values]: &[Lane; 1], _: Place) -> [Lane; 2] {
        [present(values), lane(|l| if values[l].is_nan() { 1.0 } else { values[l] })]
    }

    #[inline(always)]
    fn join(older: &[Lane; 2], newer: &[Lane; 2]) -> [Lane; 2] {
        [lane(|l| older[0][l] + newer[0][l]), lane(|l| older[1][l] * newer[1][l])]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [count, product]: &[Lane; 2], _: &[Lane; 1], _: f64) {
        let full = self.window as f64;
        self.out[row] = lane(|l| if count[l] == full { product[l] } else { f64::NAN });
    }
}

/// How the weights of [`Weighted`] are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Weighting {
    /// Qlib's WMA: over the bars the window has, and the *mean* of the weighted values, not their
    /// sum.
    QlibMean,
    /// WorldQuant's `decay_linear`: the sum, where every bar of the window has its value.
    Complete,
}

/// Values weighted 1, 2, … up to the newest; the weights sum to 1.
pub(crate) struct Weighted<'a> {
    pub(crate) window: usize,
    pub(crate) weighting: Weighting,
    /// Bar of row 0.
    pub(crate) first: usize,
    /// The instruments' first bars.
    pub(crate) starts: &'a [usize; LANES],
    pub(crate) out: &'a mut [Lane],
}

impl Statistic<1, 3> for Weighted<'_> {
    const PIVOT: bool = false;

    #[inline(always)]
    fn terms(&self, [values]: &[Lane; 1], place: Place) -> [Lane; 3] {
        let known = or_zero(values);
        [present(values), known, lane(|l| known[l] * place.at)]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [count, sum, placed]: &[Lane; 3], _: &[Lane; 1], place: f64) {
        let bars = self.first + row + 1;
        let window = self.window;
        let weighting = self.weighting;
        self.out[row] = lane(|l| {
            let listed = bars.saturating_sub(self.starts[l]);
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
    }
}
