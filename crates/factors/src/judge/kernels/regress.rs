//! Regression of a window on its bar numbers, in the running sums of Qlib's own kernels: the bars
//! of a rolling window are numbered so that the newest is `window`; missing bars are left out.

/// Running sums over the present bars; `x` is the bar number, `y` the value.
#[derive(Default)]
struct Sums {
    count: f64,
    x: f64,
    xx: f64,
    y: f64,
    yy: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, x: f64, y: f64) {
        if !y.is_nan() {
            self.count += 1.0;
            self.x += x;
            self.xx += x * x;
            self.y += y;
            self.yy += y * y;
            self.xy += x * y;
        }
    }

    /// Renumbers the bars one lower and drops the bar that becomes number 0.
    fn slide(&mut self, oldest: Option<f64>) {
        self.xy -= self.y;
        self.xx = self.xx + self.count - 2.0 * self.x;
        self.x -= self.count;
        if let Some(y) = oldest.filter(|y| !y.is_nan()) {
            self.count -= 1.0;
            self.y -= y;
            self.yy -= y * y;
        }
    }

    fn slope(&self) -> f64 {
        (self.count * self.xy - self.x * self.y) / (self.count * self.xx - self.x * self.x)
    }

    fn rsquare(&self) -> f64 {
        let x = self.count * self.xx - self.x * self.x;
        let y = self.count * self.yy - self.y * self.y;
        let r = (self.count * self.xy - self.x * self.y) / (x * y).sqrt();
        r * r
    }

    fn residual(&self, x: f64, y: f64) -> f64 {
        let slope = self.slope();
        let intercept = self.y / self.count - slope * (self.x / self.count);
        y - (slope * x + intercept)
    }
}

pub(crate) fn slope(values: &[f64], window: usize) -> Vec<f64> {
    roll(values, window, |sums, _, _| sums.slope())
}

/// Squared correlation with the bar number. A rolling window that hardly moves (`flat`) has none.
pub(crate) fn rsquare(values: &[f64], window: usize, flat: &[bool]) -> Vec<f64> {
    let mut result = roll(values, window, |sums, _, _| sums.rsquare());
    if window > 0 {
        for (value, _) in result.iter_mut().zip(flat).filter(|(_, flat)| **flat) {
            *value = f64::NAN;
        }
    }
    result
}

/// Distance of the newest value from the regression line.
pub(crate) fn residual(values: &[f64], window: usize) -> Vec<f64> {
    roll(values, window, |sums, x, y| sums.residual(x, y))
}

fn roll(values: &[f64], window: usize, value_of: impl Fn(&Sums, f64, f64) -> f64) -> Vec<f64> {
    let mut sums = Sums::default();
    let mut result = Vec::with_capacity(values.len());
    for (bar, &value) in values.iter().enumerate() {
        let x = if window == 0 { bar + 1 } else { window } as f64;
        if window > 0 {
            sums.slide(bar.checked_sub(window).map(|oldest| values[oldest]));
        }
        sums.add(x, value);
        result.push(value_of(&sums, x, value));
    }
    result
}
