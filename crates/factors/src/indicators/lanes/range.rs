use super::Abreast;
use crate::engine::{Lane, MISSING, lane};
use crate::indicators::range::{AverageTrueRange, true_range};

/// [`AverageTrueRange`] side by side.
pub(in crate::indicators) struct AverageTrueRanges {
    window: u64,
    newest_weight: f64,
    kept_weight: f64,
    average: Lane,
    previous_close: Lane,
}

impl Abreast<3, 2> for AverageTrueRanges {
    type One = AverageTrueRange;

    fn like(one: &AverageTrueRange) -> Option<Self> {
        let AverageTrueRange { window, newest_weight, kept_weight, .. } = *one;
        let [average, previous_close] = [MISSING; 2];
        Some(Self { window, newest_weight, kept_weight, average, previous_close })
    }

    fn join(&mut self, lane: usize, one: &AverageTrueRange) -> bool {
        let Some(previous_close) = one.previous_close else { return false };
        (self.average[lane], self.previous_close[lane]) = (one.average, previous_close);
        one.seen >= one.window
            && one.window == self.window
            && one.newest_weight == self.newest_weight
            && one.kept_weight == self.kept_weight
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close]: [&Lane; 3]) -> [Lane; 2] {
        let (kept, newest) = (self.kept_weight, self.newest_weight);
        let (before, previous) = (self.average, self.previous_close);
        let range = lane(|l| true_range(high[l], low[l], previous[l]));
        let average = lane(|l| kept.mul_add(before[l], newest * range[l]));
        (self.average, self.previous_close) = (average, *close);
        if self.window == 1 {
            return [average; 2];
        }
        let normalised = lane(|l| (average[l] / close[l]) * 100.0);
        [average, lane(|l| if close[l] == 0.0 { 0.0 } else { normalised[l] })]
    }

    fn leave(&self, lane: usize, one: &mut AverageTrueRange) {
        one.average = self.average[lane];
        one.previous_close = Some(self.previous_close[lane]);
    }
}
