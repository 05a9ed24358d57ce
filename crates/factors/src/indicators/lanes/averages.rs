use super::Abreast;
use super::countdown::{Countdown, only};
use super::rings::Rings;
use crate::engine::{LANES, Lane, MISSING, lane};
use crate::indicators::averages::{Ema, Sma, Wma};

/// [`Sma`] side by side.
pub(in crate::indicators) struct Smas {
    values: Rings,
    window: f64,
    sum: Lane,
}

impl Smas {
    #[inline(always)]
    pub(super) fn means(&mut self, values: &Lane) -> Lane {
        self.values.push(values);
        let (before, oldest) = (self.sum, self.values.oldest());
        let sum = lane(|l| before[l] + values[l]);
        self.sum = lane(|l| sum[l] - oldest[l]);
        lane(|l| sum[l] / self.window)
    }
}

impl Abreast<1, 1> for Smas {
    type One = Sma;

    fn like(one: &Sma) -> Option<Self> {
        Some(Self { values: Rings::like(&one.values)?, window: one.window, sum: MISSING })
    }

    fn join(&mut self, lane: usize, one: &Sma) -> bool {
        self.sum[lane] = one.sum;
        one.window == self.window && self.values.join(lane, &one.values)
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 1] {
        [self.means(values)]
    }

    fn leave(&self, lane: usize, one: &mut Sma) {
        self.values.leave(lane, &mut one.values);
        one.sum = self.sum[lane];
    }
}

/// [`Ema`] side by side.
pub(in crate::indicators) struct Emas {
    window: u64,
    newest_weight: f64,
    average: Lane,
}

impl Emas {
    #[inline(always)]
    pub(super) fn averages(&mut self, values: &Lane) -> Lane {
        let (before, weight) = (self.average, self.newest_weight);
        self.average = if self.window == 1 {
            *values
        } else {
            lane(|l| (values[l] - before[l]).mul_add(weight, before[l]))
        };
        self.average
    }
}

impl Abreast<1, 1> for Emas {
    type One = Ema;

    fn like(one: &Ema) -> Option<Self> {
        let Ema { window, newest_weight, .. } = *one;
        Some(Self { window, newest_weight, average: MISSING })
    }

    fn join(&mut self, lane: usize, one: &Ema) -> bool {
        self.average[lane] = one.average;
        let alike = one.window == self.window && one.newest_weight == self.newest_weight;
        alike && one.seen >= one.window
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 1] {
        [self.averages(values)]
    }

    fn leave(&self, lane: usize, one: &mut Ema) {
        one.average = self.average[lane];
    }
}

/// [`Wma`] side by side.
pub(in crate::indicators) struct Wmas {
    values: Rings,
    window: u64,
    weighted: Lane,
    plain: Lane,
    left: Countdown,
}

impl Wmas {
    #[cold]
    fn rebuild(&mut self) {
        let due: [bool; LANES] = std::array::from_fn(|l| self.left.left(l) == 0);
        for l in (0..LANES).filter(|&l| due[l]) {
            (self.plain[l], self.weighted[l]) = Wma::sums(self.values.oldest_first(l));
        }
        self.left.restart(due, Wma::rebuild_after(self.window));
    }
}

impl Abreast<1, 1> for Wmas {
    type One = Wma;

    fn like(one: &Wma) -> Option<Self> {
        let values = Rings::like(&one.values)?;
        let left = Countdown::new();
        Some(Self { values, window: one.window, weighted: MISSING, plain: MISSING, left })
    }

    fn join(&mut self, lane: usize, one: &Wma) -> bool {
        (self.weighted[lane], self.plain[lane]) = (one.weighted, one.plain);
        self.left.restart(only(lane), one.bars_left);
        let warm = one.window > 1 && one.seen == one.window;
        warm && one.window == self.window && self.values.join(lane, &one.values)
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 1] {
        let window = self.window as f64;
        let left = self.values.push(values);
        let (plain, weighted) = (self.plain, self.weighted);
        self.plain = lane(|l| plain[l] + values[l] - left[l]);
        self.weighted = lane(|l| weighted[l] + values[l] * window);
        if self.left.tick() {
            self.rebuild();
        }
        let (plain, weighted) = (self.plain, self.weighted);
        self.weighted = lane(|l| weighted[l] - plain[l]);
        [lane(|l| weighted[l] / (window * (window + 1.0) / 2.0))]
    }

    fn leave(&self, lane: usize, one: &mut Wma) {
        self.values.leave(lane, &mut one.values);
        (one.weighted, one.plain) = (self.weighted[lane], self.plain[lane]);
        one.bars_left = self.left.left(lane);
    }
}
