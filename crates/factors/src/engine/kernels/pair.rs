use super::slide::{Parts, Sliding, add, present};
use super::trend::FLAT;
use crate::engine::lanes::{Lane, Rows, lane};

/// Sample covariance over the bars at which both series have a value.
#[inline(always)]
pub(crate) fn covariance(
    state: &mut Sliding,
    [x, y]: [Rows<'_, f64>; 2],
    span: (usize, usize),
    out: &mut [Lane],
) {
    let terms = |[x, y]: [Lane; 2], _| {
        let [one, x, y] = aligned(&x, &y);
        [one, x, y, lane(|l| x[l] * y[l])]
    };
    let finish = |row: usize, [n, x, y, xy]: &[Lane; 4], _: &[Lane; 2], _| {
        out[row] = lane(|l| (xy[l] - x[l] * y[l] / n[l]) / (n[l] - 1.0));
    };
    state.run::<2, 4, true>([x, y], span, [0.0; 4], Parts { terms, join: add, finish });
}

/// Pearson's correlation over the bars at which both series have a value; missing where the
/// deviation of either series alone is as good as 0, as Qlib masks it.
#[inline(always)]
pub(crate) fn correlation(
    state: &mut Sliding,
    [x, y]: [Rows<'_, f64>; 2],
    deviations: [Rows<'_, f64>; 2],
    span: (usize, usize),
    out: &mut [Lane],
) {
    let terms = |[x, y]: [Lane; 2], _| {
        let [one, x, y] = aligned(&x, &y);
        let product = |a: &Lane, b: &Lane| lane(|l| a[l] * b[l]);
        [one, x, y, product(&x, &x), product(&y, &y), product(&x, &y)]
    };
    let finish = |row: usize, [n, x, y, xx, yy, xy]: &[Lane; 6], _: &[Lane; 2], _| {
        let by_n = lane(|l| if n[l] < 2.0 { f64::NAN } else { 1.0 / n[l] });
        let x_spread = lane(|l| xx[l] - x[l] * x[l] * by_n[l]);
        let y_spread = lane(|l| yy[l] - y[l] * y[l] * by_n[l]);
        let joint = lane(|l| xy[l] - x[l] * y[l] * by_n[l]);
        let value = lane(|l| joint[l] / (x_spread[l] * y_spread[l]).sqrt());
        let [a, b] = deviations.map(|deviations| deviations.row(row));
        out[row] = lane(|l| if a[l] <= FLAT || b[l] <= FLAT { f64::NAN } else { value[l] });
    };
    state.run::<2, 6, true>([x, y], span, [0.0; 6], Parts { terms, join: add, finish });
}

/// Both values, or nothing of either.
#[inline(always)]
fn aligned(x: &Lane, y: &Lane) -> [Lane; 3] {
    let both = lane(|l| x[l] + y[l]);
    let only = |values: &Lane| lane(|l| if both[l].is_nan() { 0.0 } else { values[l] });
    let one = present(&both);
    [one, only(x), only(y)]
}
