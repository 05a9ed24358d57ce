use super::quantiles::spread_of;
use super::report::Curves;
use crate::ic::BarIc;

/// The bars a curve has a point at: at most `most`, evenly spread, first and last among them.
pub(super) fn points(bars: usize, most: usize) -> Vec<usize> {
    if bars <= most {
        return (0..bars).collect();
    }
    (0..most).map(|point| point * (bars - 1) / (most - 1)).collect()
}

/// What is summed up over the bars.
pub(super) struct Summed<'a> {
    pub ic: &'a [BarIc],
    /// As of [`returns_by_bar`](super::quantiles::returns_by_bar).
    pub by_bar: &'a [f64],
    pub quantiles: usize,
    pub horizon: usize,
    pub coverage: &'a [f64],
}

impl Summed<'_> {
    pub(super) fn at(&self, points: &[usize]) -> Curves {
        let bars = self.coverage.len();
        let of_ic = |value: fn(&BarIc) -> f64| {
            let mut values = vec![0.0; bars];
            self.ic.iter().for_each(|bar| values[bar.bar as usize] = value(bar));
            running(values.into_iter(), points)
        };
        let part = 1.0 / self.horizon as f64;
        let of_group = |group: usize| {
            let values = self.by_bar.iter().skip(group).step_by(self.quantiles);
            running(values.map(|value| value * part), points)
        };
        let spread = self.by_bar.chunks_exact(self.quantiles).map(spread_of);
        let share = |&bar: &usize| {
            let share = self.coverage[bar];
            (!share.is_nan()).then_some(share as f32)
        };
        Curves {
            ic: of_ic(|bar| bar.ic),
            rank_ic: of_ic(|bar| bar.rank_ic),
            quantiles: (0..self.quantiles).map(of_group).collect(),
            spread: running(spread.map(|value| value * part), points),
            coverage: points.iter().map(share).collect(),
        }
    }
}

/// Running sum at the points; a NaN adds nothing.
fn running(values: impl Iterator<Item = f64>, points: &[usize]) -> Vec<f32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = values
        .map(|value| {
            sum += if value.is_nan() { 0.0 } else { value };
            sum
        })
        .collect();
    points.iter().map(|&bar| sums[bar] as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_even_and_reach_both_ends() {
        assert_eq!(points(3, 5), [0, 1, 2]);
        assert_eq!(points(11, 3), [0, 5, 10]);
        assert_eq!(points(10, 2), [0, 9]);
    }

    #[test]
    fn missing_bars_add_nothing() {
        assert_eq!(running([1.0, f64::NAN, 2.0].into_iter(), &[0, 1, 2]), [1.0, 1.0, 3.0]);
    }
}
