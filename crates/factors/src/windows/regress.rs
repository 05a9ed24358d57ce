//! Regression of a window on its bar numbers; missing bars are left out. After an infinity nothing
//! more has a value, as in Qlib's running sums.

use super::span;

/// Least squares of one window.
struct Line {
    slope: f64,
    rsquare: f64,
    /// Distance of the newest value.
    residual: f64,
}

impl Line {
    const NONE: Self = Self { slope: f64::NAN, rsquare: f64::NAN, residual: f64::NAN };

    fn of(values: &[f64], bar: usize, window: usize) -> Self {
        let present: Vec<(f64, f64)> = span(bar, window)
            .map(|at| (at as f64, values[at]))
            .filter(|(_, value)| !value.is_nan())
            .collect();
        let count = present.len() as f64;
        let mean_x = present.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = present.iter().map(|(_, y)| y).sum::<f64>() / count;
        let moment = |of: fn(f64, f64) -> f64| -> f64 {
            present.iter().map(|(x, y)| of(x - mean_x, y - mean_y)).sum()
        };
        let (xx, yy, xy) = (moment(|x, _| x * x), moment(|_, y| y * y), moment(|x, y| x * y));
        let slope = xy / xx;
        let residual = values[bar] - (mean_y + slope * (bar as f64 - mean_x));
        Self { slope, rsquare: xy * xy / (xx * yy), residual }
    }
}

fn lines(values: &[f64], window: usize) -> impl Iterator<Item = Line> + '_ {
    let infinite = values.iter().position(|value| value.is_infinite()).unwrap_or(values.len());
    let line = move |bar| if bar < infinite { Line::of(values, bar, window) } else { Line::NONE };
    (0..values.len()).map(line)
}

pub(crate) fn slope(values: &[f64], window: usize) -> Vec<f64> {
    lines(values, window).map(|line| line.slope).collect()
}

/// Squared correlation with the bar number. A rolling window that hardly moves (`flat`) has none.
pub(crate) fn rsquare(values: &[f64], window: usize, flat: &[bool]) -> Vec<f64> {
    let masked = |(line, flat): (Line, &bool)| match window > 0 && *flat {
        true => f64::NAN,
        false => line.rsquare,
    };
    lines(values, window).zip(flat).map(masked).collect()
}

/// Distance of the newest value from the regression line.
pub(crate) fn residual(values: &[f64], window: usize) -> Vec<f64> {
    lines(values, window).map(|line| line.residual).collect()
}
