use super::Abreast;
use crate::engine::{Lane, MISSING, lane};
use crate::indicators::sar::{Sar, Stage, Trade, higher, lower};

/// [`Sar`] side by side.
pub(in crate::indicators) struct Sars {
    acceleration: f64,
    maximum: f64,
    /// 1 for a long trade, −1 for a short one.
    side: Lane,
    stop: Lane,
    extreme: Lane,
    factor: Lane,
    high: Lane,
    low: Lane,
}

/// The first where a trade is long, else the second.
#[inline(always)]
fn by_side(side: &Lane, long: Lane, short: Lane) -> Lane {
    lane(|l| if side[l] > 0.0 { long[l] } else { short[l] })
}

impl Abreast<2, 1> for Sars {
    type One = Sar;

    fn like(one: &Sar) -> Option<Self> {
        let Sar { acceleration, maximum, .. } = *one;
        let [side, stop, extreme, factor, high, low] = [MISSING; 6];
        Some(Self { acceleration, maximum, side, stop, extreme, factor, high, low })
    }

    fn join(&mut self, lane: usize, one: &Sar) -> bool {
        let Stage::Trading(trade) = one.stage else { return false };
        self.side[lane] = if trade.long { 1.0 } else { -1.0 };
        (self.stop[lane], self.extreme[lane]) = (trade.stop, trade.extreme);
        self.factor[lane] = trade.factor;
        (self.high[lane], self.low[lane]) = (trade.high, trade.low);
        one.acceleration == self.acceleration && one.maximum == self.maximum
    }

    #[inline(always)]
    fn step(&mut self, [high, low]: [&Lane; 2]) -> [Lane; 1] {
        let Self { acceleration, maximum, side, stop, extreme, factor, .. } = *self;
        let highest = lane(|l| higher(self.high[l], high[l]));
        let lowest = lane(|l| lower(self.low[l], low[l]));

        // −1 where the stop was reached.
        let long = lane(|l| if low[l] <= stop[l] { -1.0 } else { 1.0 });
        let short = lane(|l| if high[l] >= stop[l] { -1.0 } else { 1.0 });
        let kept = by_side(&side, long, short);
        let side = lane(|l| side[l] * kept[l]);
        let best = by_side(&side, *high, *low);
        let long = lane(|l| lower(extreme[l], lowest[l]));
        let short = lane(|l| higher(extreme[l], highest[l]));
        let turned = by_side(&side, long, short);
        let stop = by_side(&kept, stop, turned);

        let long = lane(|l| if high[l] > extreme[l] { 1.0 } else { -1.0 });
        let short = lane(|l| if low[l] < extreme[l] { 1.0 } else { -1.0 });
        let farther = by_side(&side, long, short);
        let raised = lane(|l| lower(factor[l] + acceleration, maximum));
        let factor = by_side(&farther, raised, factor);
        let extreme = by_side(&farther, best, extreme);
        let factor = lane(|l| if kept[l] > 0.0 { factor[l] } else { acceleration });
        let extreme = by_side(&kept, extreme, best);

        let moved = lane(|l| factor[l].mul_add(extreme[l] - stop[l], stop[l]));
        let long = lane(|l| lower(moved[l], lowest[l]));
        let short = lane(|l| higher(moved[l], highest[l]));
        self.stop = by_side(&side, long, short);
        (self.side, self.extreme, self.factor) = (side, extreme, factor);
        (self.high, self.low) = (*high, *low);
        [stop]
    }

    fn leave(&self, lane: usize, one: &mut Sar) {
        one.stage = Stage::Trading(Trade {
            long: self.side[lane] > 0.0,
            stop: self.stop[lane],
            extreme: self.extreme[lane],
            factor: self.factor[lane],
            high: self.high[lane],
            low: self.low[lane],
        });
    }
}
