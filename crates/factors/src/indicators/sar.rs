use serde::{Deserialize, Serialize};

use super::indicator::Indicator;

/// Wilder's parabolic stop and reverse as TA-Lib's `SAR` has it: inputs high and low.
///
/// The first bar yields nothing. The second is short if the low fell by more than the high rose
/// (and fell at all), else long; its stop is the first bar's opposite extreme.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sar {
    pub(super) acceleration: f64,
    pub(super) maximum: f64,
    pub(super) stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Stage {
    Empty,
    First { high: f64, low: f64 },
    Trading(Trade),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) long: bool,
    pub(super) stop: f64,
    /// The highest high of a long trade, the lowest low of a short one.
    pub(super) extreme: f64,
    pub(super) factor: f64,
    pub(super) high: f64,
    pub(super) low: f64,
}

impl Sar {
    /// An acceleration over the maximum is the maximum.
    pub(super) fn new(acceleration: f64, maximum: f64) -> Self {
        Self { acceleration: acceleration.min(maximum), maximum, stage: Stage::Empty }
    }

    fn start(&self, (first_high, first_low): (f64, f64), high: f64, low: f64) -> Trade {
        let (rise, fall) = (high - first_high, first_low - low);
        let long = !(fall > 0.0 && rise < fall);
        let (stop, extreme) = if long { (first_low, high) } else { (first_high, low) };
        Trade { long, stop, extreme, factor: self.acceleration, high, low }
    }
}

/// The greater of two numbers; of equal ones the first, as the sign of zero would tell them apart.
#[inline(always)]
pub(super) fn higher(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

#[inline(always)]
pub(super) fn lower(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

impl Trade {
    /// Takes a bar; answers its stop, and moves to the next bar's.
    #[inline(always)]
    fn next(&mut self, acceleration: f64, maximum: f64, high: f64, low: f64) -> f64 {
        let (highest, lowest) = (higher(self.high, high), lower(self.low, low));
        let within = |stop: f64, long: bool| {
            if long { lower(stop, lowest) } else { higher(stop, highest) }
        };
        let reversed = if self.long { low <= self.stop } else { high >= self.stop };
        let stop;
        if reversed {
            self.long = !self.long;
            stop = within(self.extreme, self.long);
            self.factor = acceleration;
            self.extreme = if self.long { high } else { low };
        } else {
            stop = self.stop;
            if if self.long { high > self.extreme } else { low < self.extreme } {
                self.extreme = if self.long { high } else { low };
                self.factor = lower(self.factor + acceleration, maximum);
            }
        }
        let moved = self.factor.mul_add(self.extreme - stop, stop);
        self.stop = within(moved, self.long);
        (self.high, self.low) = (high, low);
        stop
    }
}

impl Indicator<2, 1> for Sar {
    #[inline(always)]
    fn step(&mut self, [high, low]: [f64; 2]) -> [f64; 1] {
        let mut trade = match self.stage {
            Stage::Trading(ref mut trade) => {
                return [trade.next(self.acceleration, self.maximum, high, low)];
            }
            Stage::Empty => {
                self.stage = Stage::First { high, low };
                return [f64::NAN];
            }
            Stage::First { high: first_high, low: first_low } => {
                self.start((first_high, first_low), high, low)
            }
        };
        let stop = trade.next(self.acceleration, self.maximum, high, low);
        self.stage = Stage::Trading(trade);
        [stop]
    }
}
