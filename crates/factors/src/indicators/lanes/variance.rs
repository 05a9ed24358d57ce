use super::countdown::{Countdown, only};
use super::rings::Rings;
use crate::engine::{LANES, Lane, MISSING, lane};
use crate::indicators::variance::{CANCELLED, OUTWEIGHED, RollingVariance, Sums};

/// [`RollingVariance`] side by side.
pub(super) struct RollingVariances {
    values: Rings,
    inverse: f64,
    shift: Lane,
    sum: Lane,
    squares: Lane,
    rebuild_after: u64,
    left: Countdown,
}

impl RollingVariances {
    pub(super) fn like(one: &RollingVariance) -> Option<Self> {
        Some(Self {
            values: Rings::like(&one.values)?,
            inverse: one.inverse,
            shift: MISSING,
            sum: MISSING,
            squares: MISSING,
            rebuild_after: one.rebuild_after,
            left: Countdown::new(),
        })
    }

    pub(super) fn join(&mut self, lane: usize, one: &RollingVariance) -> bool {
        let Some(shift) = one.shift else { return false };
        self.shift[lane] = shift;
        (self.sum[lane], self.squares[lane]) = (one.sum, one.squares);
        self.left.restart(only(lane), one.bars_left);
        let alike = one.inverse == self.inverse && one.rebuild_after == self.rebuild_after;
        alike && self.values.join(lane, &one.values)
    }

    #[inline(always)]
    pub(super) fn next(&mut self, values: &Lane) -> Lane {
        self.values.push(values);
        let (shift, inverse) = (self.shift, self.inverse);
        let (sum, squares, oldest) = (self.sum, self.squares, self.values.oldest());
        let added = lane(|l| values[l] - shift[l]);
        let sum = lane(|l| sum[l] + added[l]);
        let squares = lane(|l| squares[l] + added[l] * added[l]);
        let mean = lane(|l| sum[l] * inverse);
        let variance = lane(|l| squares[l] * inverse - mean[l] * mean[l]);

        let removed = lane(|l| oldest[l] - shift[l]);
        let departing = lane(|l| removed[l] * removed[l]);
        let rest = lane(|l| squares[l] - departing[l]);
        self.sum = lane(|l| sum[l] - removed[l]);
        self.squares = rest;
        let cancelled = lane(|l| CANCELLED * (rest[l] * inverse));
        let outweighed = lane(|l| OUTWEIGHED * rest[l]);
        let mut spoilt = false;
        for l in 0..LANES {
            spoilt |= (variance[l] < cancelled[l]) | (departing[l] > outweighed[l]);
        }
        if self.left.tick() | spoilt {
            return self.rebuild(variance, departing);
        }
        variance
    }

    /// Sums anew where that is due or the sums are spoilt.
    #[cold]
    fn rebuild(&mut self, mut variance: Lane, departing: Lane) -> Lane {
        let due = |l: usize| {
            let rest = self.squares[l];
            self.left.left(l) == 0
                || variance[l] < CANCELLED * (rest * self.inverse)
                || departing[l] > OUTWEIGHED * rest
        };
        let due: [bool; LANES] = std::array::from_fn(due);
        for l in (0..LANES).filter(|&l| due[l]) {
            let sums = Sums::of(|| self.values.oldest_first(l), self.inverse);
            (self.shift[l], self.sum[l], self.squares[l]) = (sums.shift, sums.sum, sums.squares);
            variance[l] = sums.variance;
        }
        self.left.restart(due, self.rebuild_after);
        variance
    }

    pub(super) fn leave(&self, lane: usize, one: &mut RollingVariance) {
        self.values.leave(lane, &mut one.values);
        one.shift = Some(self.shift[lane]);
        (one.sum, one.squares) = (self.sum[lane], self.squares[lane]);
        one.bars_left = self.left.left(lane);
    }
}
