use super::slide::{Parts, Place, Sliding, add, or_zero, present};
use crate::engine::lanes::{LANES, Lane, Rows, lane};

/// Deviations up to this size count as none.
pub(crate) const FLAT: f64 = 2e-5;

/// What a regression on the bar number gives.
#[derive(Default)]
pub(crate) struct TrendOutputs<'a> {
    pub(crate) slope: Option<&'a mut [Lane]>,
    pub(crate) rsquare: Option<&'a mut [Lane]>,
    pub(crate) residual: Option<&'a mut [Lane]>,
}

/// Least squares of a window on its bar numbers; missing bars are left out.
///
/// Slope a bar, squared correlation (missing where `deviations`, the window's standard deviation,
/// is as good as 0), distance of the newest value from the line. After an infinity nothing more
/// has a value: Qlib's running sums never recover from it.
#[inline(always)]
pub(crate) fn trend(
    state: &mut Sliding,
    infinite: &mut [bool; LANES],
    values: Rows<'_, f64>,
    deviations: Option<Rows<'_, f64>>,
    span: (usize, usize),
    mut outputs: TrendOutputs<'_>,
) {
    let terms = |[y]: [Lane; 1], Place { at: place, .. }: Place| {
        let (one, d) = (present(&y), or_zero(&y));
        let x = lane(|l| one[l] * place);
        [
            one,
            x,
            lane(|l| x[l] * place),
            d,
            lane(|l| d[l] * d[l]),
            lane(|l| d[l] * place),
        ]
    };
    let finish = |row: usize, [n, x, xx, y, yy, xy]: &[Lane; 6], pivot: &[Lane; 1], place: f64| {
        let newest = values.row(row);
        for l in 0..LANES {
            infinite[l] |= newest[l].is_infinite();
        }
        let by_n = lane(|l| if infinite[l] { f64::NAN } else { 1.0 / n[l] });
        let spread = lane(|l| xx[l] - x[l] * x[l] * by_n[l]);
        let joint = lane(|l| xy[l] - x[l] * y[l] * by_n[l]);
        let slope = lane(|l| joint[l] / spread[l]);
        if let Some(out) = &mut outputs.rsquare {
            let all = lane(|l| yy[l] - y[l] * y[l] * by_n[l]);
            let share = lane(|l| slope[l] * joint[l] / all[l]);
            out[row] = match &deviations {
                None => share,
                Some(deviations) => {
                    let deviation = deviations.row(row);
                    lane(|l| if deviation[l] <= FLAT { f64::NAN } else { share[l] })
                }
            };
        }
        if let Some(out) = &mut outputs.residual {
            out[row] = lane(|l| {
                let mean = pivot[0][l] + y[l] * by_n[l];
                newest[l] - (mean + slope[l] * (place - x[l] * by_n[l]))
            });
        }
        if let Some(out) = &mut outputs.slope {
            out[row] = slope;
        }
    };
    state.run::<1, 6, true>([values], span, [0.0; 6], Parts { terms, join: add, finish });
}
