use super::slide::{Place, Statistic, present};
use super::trend::FLAT;
use crate::engine::lanes::{Lane, Rows, lane};

/// Sample covariance over the bars at which both series have a value.
pub(crate) struct Covariance<'a> {
    pub(crate) out: &'a mut [Lane],
}

impl Statistic<2, 4> for Covariance<'_> {
    const PIVOT: bool = true;

    #[inline(always)]
    fn terms(&self, [x, y]: &[Lane; 2], _: Place) -> [Lane; 4] {
        let [one, x, y] = aligned(x, y);
        [one, x, y, lane(|l| x[l] * y[l])]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [n, x, y, xy]: &[Lane; 4], _: &[Lane; 2], _: f64) {
        self.out[row] = lane(|l| (xy[l] - x[l] * y[l] / n[l]) / (n[l] - 1.0));
    }
}

/// Pearson's correlation over the bars at which both series have a value; missing where the
/// deviation of either series alone is as good as 0, as Qlib masks it.
pub(crate) struct Correlation<'a> {
    pub(crate) deviations: [Rows<'a, f64>; 2],
    pub(crate) out: &'a mut [Lane],
}

impl Statistic<2, 6> for Correlation<'_> {
    const PIVOT: bool = true;

    #[inline(always)]
    fn terms(&self, [x, y]: &[Lane; 2], _: Place) -> [Lane; 6] {
        let [one, x, y] = aligned(x, y);
        let product = |a: &Lane, b: &Lane| lane(|l| a[l] * b[l]);
        [one, x, y, product(&x, &x), product(&y, &y), product(&x, &y)]
    }

    #[inline(always)]
    fn finish(&mut self, row: usize, [n, x, y, xx, yy, xy]: &[Lane; 6], _: &[Lane; 2], _: f64) {
        let by_n = lane(|l| if n[l] < 2.0 { f64::NAN } else { 1.0 / n[l] });
        let x_spread = lane(|l| xx[l] - x[l] * x[l] * by_n[l]);
        let y_spread = lane(|l| yy[l] - y[l] * y[l] * by_n[l]);
        let joint = lane(|l| xy[l] - x[l] * y[l] * by_n[l]);
        // Where the bars that both have are constant nothing correlates.
        let scale = lane(|l| (x_spread[l] * y_spread[l]).sqrt());
        let value = lane(|l| if scale[l] > 0.0 { joint[l] / scale[l] } else { f64::NAN });
        let (a, b) = (self.deviations[0].row(row), self.deviations[1].row(row));
        self.out[row] = lane(|l| if a[l] <= FLAT || b[l] <= FLAT { f64::NAN } else { value[l] });
    }
}

/// Both values, or nothing of either.
#[inline(always)]
fn aligned(x: &Lane, y: &Lane) -> [Lane; 3] {
    let both = lane(|l| x[l] + y[l]);
    let x = lane(|l| if both[l].is_nan() { 0.0 } else { x[l] });
    let y = lane(|l| if both[l].is_nan() { 0.0 } else { y[l] });
    [present(&both), x, y]
}
