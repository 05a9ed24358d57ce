use super::Abreast;
use crate::engine::{Lane, MISSING, lane};
use crate::indicators::directional::{DirectionalMovement, movement};
use crate::indicators::range::true_range;
use crate::indicators::zero::is_zero;

/// [`DirectionalMovement`] side by side.
pub(in crate::indicators) struct DirectionalMovements {
    window: u64,
    previous: [Lane; 3],
    plus: Lane,
    minus: Lane,
    range: Lane,
    index: Lane,
}

impl Abreast<3, 3> for DirectionalMovements {
    type One = DirectionalMovement;

    fn like(one: &DirectionalMovement) -> Option<Self> {
        let [plus, minus, range, index] = [MISSING; 4];
        Some(Self { window: one.window, previous: [MISSING; 3], plus, minus, range, index })
    }

    fn join(&mut self, lane: usize, one: &DirectionalMovement) -> bool {
        for (own, value) in self.previous.iter_mut().zip(one.previous) {
            own[lane] = value;
        }
        (self.plus[lane], self.minus[lane]) = (one.plus, one.minus);
        (self.range[lane], self.index[lane]) = (one.range, one.index);
        one.window > 1 && one.window == self.window && one.seen > one.window.saturating_mul(2)
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close]: [&Lane; 3]) -> [Lane; 3] {
        let window = self.window as f64;
        let [previous_high, previous_low, previous_close] = self.previous;
        self.previous = [*high, *low, *close];
        let rise = lane(|l| high[l] - previous_high[l]);
        let fall = lane(|l| previous_low[l] - low[l]);
        let range = lane(|l| true_range(high[l], low[l], previous_close[l]));
        let rose = lane(|l| movement(rise[l], fall[l]).0);
        let fell = lane(|l| movement(rise[l], fall[l]).1);

        let (plus, minus, wide) = (self.plus, self.minus, self.range);
        self.plus = lane(|l| plus[l] - plus[l] / window + rose[l]);
        self.minus = lane(|l| minus[l] - minus[l] / window + fell[l]);
        self.range = lane(|l| wide[l] - wide[l] / window + range[l]);

        let (plus, minus, wide, index) = (self.plus, self.minus, self.range, self.index);
        let plus = lane(|l| 100.0 * (plus[l] / wide[l]));
        let minus = lane(|l| 100.0 * (minus[l] / wide[l]));
        let plus = lane(|l| if wide[l] > 0.0 { plus[l] } else { 0.0 });
        let minus = lane(|l| if wide[l] > 0.0 { minus[l] } else { 0.0 });
        let both = lane(|l| minus[l] + plus[l]);
        let value = lane(|l| 100.0 * ((minus[l] - plus[l]).abs() / both[l]));
        let next = lane(|l| (index[l] * (window - 1.0) + value[l]) / window);
        self.index = lane(|l| if is_zero(both[l]) { index[l] } else { next[l] });
        [self.index, plus, minus]
    }

    fn leave(&self, lane: usize, one: &mut DirectionalMovement) {
        one.previous = self.previous.map(|lanes| lanes[lane]);
        (one.plus, one.minus) = (self.plus[lane], self.minus[lane]);
        (one.range, one.index) = (self.range[lane], self.index[lane]);
    }
}
