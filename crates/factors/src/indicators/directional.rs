use serde::{Deserialize, Serialize};

use super::indicator::Indicator;
use super::range::true_range;
use super::zero::is_zero;

/// Wilder's directional movement as TA-Lib's `ADX`, `PLUS_DI` and `MINUS_DI` have it: inputs high,
/// low, close; outputs the average directional index and the two directional indicators.
///
/// The sums are seeded by the first `window` − 1 movements and smoothed from then on; the indicators
/// begin at bar `window` (counted from 0), the index, seeded by the mean of the first `window`
/// values, at bar 2 `window` − 1. With a window of one TA-Lib answers the indicators of each bar
/// alone and as fractions, and so does this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectionalMovement {
    pub(super) window: u64,
    /// Bars seen, up to the first that has an index.
    pub(super) seen: u64,
    pub(super) previous: [f64; 3],
    pub(super) plus: f64,
    pub(super) minus: f64,
    pub(super) range: f64,
    /// The sum of the directional values until the index exists, then the index.
    pub(super) index: f64,
}

/// The movement of a bar: only the larger of rise and fall counts, and only if it is positive.
#[inline(always)]
pub(super) fn movement(rise: f64, fall: f64) -> (f64, f64) {
    let plus = if rise > fall && rise > 0.0 { rise } else { 0.0 };
    let minus = if fall > rise && fall > 0.0 { fall } else { 0.0 };
    (plus, minus)
}

impl DirectionalMovement {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window: window as u64,
            seen: 0,
            previous: [0.0; 3],
            plus: 0.0,
            minus: 0.0,
            range: 0.0,
            index: 0.0,
        }
    }

    #[inline(always)]
    fn smooth(&mut self, plus: f64, minus: f64, range: f64) {
        let window = self.window as f64;
        self.minus -= self.minus / window;
        self.plus -= self.plus / window;
        self.minus += minus;
        self.plus += plus;
        self.range = self.range - self.range / window + range;
    }

    /// The directional indicators in per cent; 0 where the price never moved.
    #[inline(always)]
    fn indicators(&self) -> (f64, f64) {
        if self.range > 0.0 {
            (100.0 * (self.plus / self.range), 100.0 * (self.minus / self.range))
        } else {
            (0.0, 0.0)
        }
    }

    /// The index, once `window` directional values are known. A bar without any keeps it.
    #[inline(always)]
    fn index(&mut self, plus: f64, minus: f64) -> f64 {
        let first = self.window.saturating_mul(2);
        let window = self.window as f64;
        let seeding = self.seen <= first;
        let both = minus + plus;
        if !is_zero(both) {
            let value = 100.0 * ((minus - plus).abs() / both);
            if seeding {
                self.index += value;
            } else {
                self.index = (self.index * (window - 1.0) + value) / window;
            }
        }
        if self.seen < first {
            return f64::NAN;
        }
        if seeding {
            self.index /= window;
            self.seen = first.saturating_add(1);
        }
        self.index
    }
}

impl Indicator<3, 3> for DirectionalMovement {
    #[inline(always)]
    fn step(&mut self, [high, low, close]: [f64; 3]) -> [f64; 3] {
        let [previous_high, previous_low, previous_close] = self.previous;
        self.previous = [high, low, close];
        if self.seen <= self.window.saturating_mul(2) {
            self.seen = self.seen.saturating_add(1);
        }
        if self.seen == 1 {
            return [f64::NAN; 3];
        }
        let (plus, minus) = movement(high - previous_high, previous_low - low);
        let range = true_range(high, low, previous_close);
        if self.window == 1 {
            let share = |movement: f64| if range > 0.0 { movement / range } else { 0.0 };
            return [f64::NAN, share(plus), share(minus)];
        }
        if self.seen <= self.window {
            self.plus += plus;
            self.minus += minus;
            self.range += range;
            return [f64::NAN; 3];
        }
        self.smooth(plus, minus, range);
        let (plus, minus) = self.indicators();
        [self.index(plus, minus), plus, minus]
    }
}
