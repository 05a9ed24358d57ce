use super::slide::{Place, Statistic, or_zero, present};
use crate::engine::lanes::{LANES, Lane, Rows, lane};

/// Deviations up to this size count as none.
pub(crate) const FLAT: f64 = 2e-5;

/// Least squares of a window on its bar numbers; missing bars are left out.
///
/// Slope a bar, squared correlation (missing where `deviations`, the window's standard deviation,
/// is as good as 0), distance of the newest value from the line. After an infinity nothing more
/// has a value: Qlib's running sums never recover from it.
pub(crate) struct Trend<'a> {
    pub(crate) values: Rows<'a, f64>,
    pub(crate) deviations: Option<Rows<'a, f64>>,
    pub(crate) infinite: &'a mut [bool; LANES],
    pub(crate) slope: Option<&'a mut [Lane]>,
    pub(crate) rsquare: Option<&'a mut [Lane]>,
    pub(crate) residual: Option<&'a mut [Lane]>,
}

impl Statistic<1, 6> for Trend<'_> {
    const PIVOT: bool = true;

    #[inline(always)]
    fn terms(&self, [y]: &[Lane; 1], Place { at, .. }: Place) -> [Lane; 6] {
        let (one, d) = (present(y), or_zero(y));
        let x = lane(|l| one[l] * at);
        [one, x, lane(|l| x[l] * at), d, lane(|l| d[l] * d[l]), lane(|l| d[l] * at)]
    }

    #[inline(always)]
    fn finish(
        &mut self,
        row: usize,
        [n, x, xx, y, yy, xy]: &[Lane; 6],
        [pivot]: &[Lane; 1],
        place: f64,
    ) {
        let newest = self.values.row(row);
        for (infinite, value) in self.infinite.iter_mut().zip(newest) {
            *infinite |= value.is_infinite();
        }
        let by_n = lane(|l| if self.infinite[l] { f64::NAN } else { 1.0 / n[l] });
        let spread = lane(|l| xx[l] - x[l] * x[l] * by_n[l]);
        let joint = lane(|l| xy[l] - x[l] * y[l] * by_n[l]);
        let slope = lane(|l| joint[l] / spread[l]);
        if let Some(out) = &mut self.rsquare {
            let all = lane(|l| yy[l] - y[l] * y[l] * by_n[l]);
            let mut share = lane(|l| slope[l] * joint[l] / all[l]);
            if let Some(deviations) = &self.deviations {
                let deviation = deviations.row(row);
                share = lane(|l| if deviation[l] <= FLAT { f64::NAN } else { share[l] });
            }
            out[row] = share;
        }
        if let Some(out) = &mut self.residual {
            out[row] = lane(|l| {
                let mean = pivot[l] + y[l] * by_n[l];
                newest[l] - (mean + slope[l] * (place - x[l] * by_n[l]))
            });
        }
        if let Some(out) = &mut self.slope {
            out[row] = slope;
        }
    }
}
