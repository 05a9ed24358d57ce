//! Indicators that weigh prices by volume.

use serde::{Deserialize, Serialize};

use super::indicator::{Indicator, or_nan};
use super::window::Ring;
use super::zero::is_zero_beside;

/// How many windows pass before the sums of [`Vwap`] are rebuilt whatever happens.
const WINDOWS_BETWEEN_REBUILDS: u64 = 32;
/// A volume below this share of the largest since the last rebuild has lost its last digits.
pub(super) const SHRUNK: f64 = 1e-4;

/// The volume-weighted average of the typical price (high + low + close) / 3 over the last `window`
/// bars: inputs high, low, close, volume. NaN where the window has no volume, as its price is then
/// undefined. TA-Lib has no such function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vwap {
    pub(super) turnovers: Ring,
    pub(super) volumes: Ring,
    pub(super) turnover: f64,
    pub(super) volume: f64,
    /// The largest volume of a window since the sums were rebuilt.
    pub(super) largest_volume: f64,
    pub(super) rebuild_after: u64,
    pub(super) bars_left: u64,
}

impl Vwap {
    pub(super) fn new(window: usize) -> Self {
        let rebuild_after = WINDOWS_BETWEEN_REBUILDS * window as u64;
        Self {
            turnovers: Ring::new(window),
            volumes: Ring::new(window),
            turnover: 0.0,
            volume: 0.0,
            largest_volume: 0.0,
            rebuild_after,
            bars_left: rebuild_after,
        }
    }

    #[cold]
    fn rebuild(&mut self) {
        self.bars_left = self.rebuild_after;
        self.turnover = self.turnovers.oldest_first().sum();
        self.volume = self.volumes.oldest_first().sum();
        self.largest_volume = self.volume;
    }
}

impl Indicator<4, 1> for Vwap {
    #[inline(always)]
    fn step(&mut self, [high, low, close, volume]: [f64; 4]) -> [f64; 1] {
        let turnover = (high + low + close) / 3.0 * volume;
        let left = self.turnovers.push(turnover).zip(self.volumes.push(volume));
        self.turnover += turnover;
        self.volume += volume;
        if self.volume > self.largest_volume {
            self.largest_volume = self.volume;
        }
        if let Some((left_turnover, left_volume)) = left {
            self.turnover -= left_turnover;
            self.volume -= left_volume;
            self.bars_left = self.bars_left.saturating_sub(1);
            if self.bars_left == 0 || self.volume < SHRUNK * self.largest_volume {
                self.rebuild();
            }
        }
        if self.volumes.oldest().is_none() || self.volume <= 0.0 {
            return [f64::NAN];
        }
        [self.turnover / self.volume]
    }
}

/// Granville's on-balance volume as TA-Lib's `OBV` has it: inputs close and volume; begins with the
/// first bar's volume and adds that of rising bars, less that of falling ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OnBalanceVolume {
    pub(super) previous_close: Option<f64>,
    pub(super) total: f64,
}

impl OnBalanceVolume {
    pub(super) fn new() -> Self {
        Self { previous_close: None, total: 0.0 }
    }
}

impl Indicator<2, 1> for OnBalanceVolume {
    #[inline(always)]
    fn step(&mut self, [close, volume]: [f64; 2]) -> [f64; 1] {
        match self.previous_close.replace(close) {
            None => self.total = volume,
            Some(previous) if close > previous => self.total += volume,
            Some(previous) if close < previous => self.total -= volume,
            Some(_) => {}
        }
        [self.total]
    }
}

/// Chaikin's accumulation/distribution line as TA-Lib's `AD` has it: inputs high, low, close,
/// volume; sums the volume times ((close − low) − (high − close)) / (high − low). A bar without a
/// range adds nothing; one whose close is so far outside its range that the sum overflows is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccumulationDistribution {
    pub(super) total: f64,
}

impl AccumulationDistribution {
    pub(super) fn new() -> Self {
        Self { total: 0.0 }
    }
}

impl Indicator<4, 1> for AccumulationDistribution {
    #[inline(always)]
    fn step(&mut self, [high, low, close, volume]: [f64; 4]) -> [f64; 1] {
        let range = high - low;
        if range > 0.0 {
            let total = self.total + (((close - low) - (high - close)) / range) * volume;
            if !total.is_finite() {
                return [f64::NAN];
            }
            self.total = total;
        }
        [self.total]
    }
}

/// The money flow index as TA-Lib's `MFI` has it: inputs high, low, close, volume; the share of the
/// money flow (typical price times volume) of bars whose typical price rose, in per cent, over the
/// last `window` moves; 0 where no money flowed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MoneyFlow {
    pub(super) inflows: Ring,
    pub(super) outflows: Ring,
    pub(super) window: u64,
    pub(super) previous: Option<f64>,
    pub(super) inflow: f64,
    pub(super) outflow: f64,
    /// Bars in a row in which no money flowed: after a whole window of them the sums are zero, but
    /// for what rounding left.
    pub(super) idle: u64,
}

impl MoneyFlow {
    pub(super) fn new(window: usize) -> Self {
        Self {
            inflows: Ring::new(window),
            outflows: Ring::new(window),
            window: window as u64,
            previous: None,
            inflow: 0.0,
            outflow: 0.0,
            idle: 0,
        }
    }

    #[inline(always)]
    fn slide(&mut self, inflow: f64, outflow: f64) {
        if let Some((left_in, left_out)) =
            self.inflows.push(inflow).zip(self.outflows.push(outflow))
        {
            self.inflow -= left_in;
            self.outflow -= left_out;
        }
        self.inflow += inflow;
        self.outflow += outflow;
        self.idle = if inflow == 0.0 && outflow == 0.0 { self.idle.saturating_add(1) } else { 0 };
        if self.idle >= self.window {
            self.idle = self.window;
            (self.inflow, self.outflow) = (0.0, 0.0);
        }
    }

    #[inline(always)]
    fn index(&mut self, typical: f64, volume: f64) -> Option<f64> {
        let previous = self.previous.replace(typical)?;
        let moved = typical - previous;
        let still = is_zero_beside(moved, typical.abs() + previous.abs());
        let flow = if still { 0.0 } else { typical * volume };
        let fell = moved < 0.0;
        self.slide(if fell { 0.0 } else { flow }, if fell { flow } else { 0.0 });
        self.inflows.oldest()?;
        let total = self.inflow + self.outflow;
        if total <= 0.0 {
            return Some(0.0);
        }
        // Rounding may have carried the sum a little out of its range.
        let inflow = if self.inflow < 0.0 {
            0.0
        } else if self.inflow > total {
            total
        } else {
            self.inflow
        };
        Some(100.0 * (inflow / total))
    }
}

impl Indicator<4, 1> for MoneyFlow {
    #[inline(always)]
    fn step(&mut self, [high, low, close, volume]: [f64; 4]) -> [f64; 1] {
        [or_nan(self.index((high + low + close) / 3.0, volume))]
    }
}
