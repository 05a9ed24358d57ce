mod signal;
mod simulate;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::panel::{Panel, PanelError};

pub use signal::planted_signal;

/// A seeded artificial market.
///
/// The log return of instrument `i` on bar `t` is
/// `beta_i · market_t + sector_{s(i),t} + idio_{i,t} + a_t · s_{i,t-2}`.
/// Market and own noise follow GARCH(1,1) (α = 0.08, β = 0.90). `s` is the planted signal
/// ([`planted_signal`]), a pattern of price and volume known at `t − 2`, so that the default
/// label `Ref($close,-2)/Ref($close,-1)-1` at `t` depends on `s` at `t`. With `D_t` the
/// cross-sectional standard deviation of the other parts, `a_t = signal · D_t / √(1 − signal²)`:
/// the expected daily cross-sectional correlation of `s` with the label is `signal`.
///
/// Fields: `open`, `high`, `low`, `close`, `vwap` (raw), `volume` (shares), `amount`,
/// `factor` (1 at the start, doubled by each 2:1 split; raw × factor is adjusted).
/// A share of the instruments lists late; suspended days have no bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyntheticMarket {
    pub instruments: usize,
    /// Length of the calendar in business days.
    pub bars: usize,
    /// First day of the calendar; on a weekend the Monday after it.
    pub start: NaiveDate,
    pub seed: u64,
    /// Expected daily IC of the planted signal, in (−1, 1); 0 plants none.
    pub signal: f64,
    pub sectors: usize,
    /// Share of the instruments, in [0, 1], that list after the first bar.
    pub late_listings: f64,
    /// Probability, in [0, 1], that a suspension of 1 to 10 days begins on a bar.
    pub suspension: f64,
    /// Probability, in [0, 1], of a 2:1 split on a bar.
    pub split: f64,
}

impl Default for SyntheticMarket {
    fn default() -> Self {
        Self {
            instruments: 100,
            bars: 1000,
            start: NaiveDate::from_ymd_opt(2016, 1, 4).unwrap_or_default(),
            seed: 7,
            signal: 0.05,
            sectors: 10,
            late_listings: 0.15,
            suspension: 0.0015,
            split: 0.0008,
        }
    }
}

impl SyntheticMarket {
    /// Generates the market. The same settings give the same values, bit for bit.
    pub fn generate(&self) -> Result<Panel, SyntheticError> {
        self.check()?;
        simulate::simulate(self)
    }

    fn check(&self) -> Result<(), SyntheticError> {
        let field = |field, reason| Err(SyntheticError::Setting { field, reason });
        const CELLS: usize = 100_000_000;
        if self.instruments == 0 || self.bars == 0 {
            return field("instruments, bars", "must be at least 1");
        }
        if self.instruments.saturating_mul(self.bars) > CELLS {
            return field("instruments, bars", "must not make more than 100,000,000 bars");
        }
        if self.sectors == 0 {
            return field("sectors", "must be at least 1");
        }
        if self.signal.is_nan() || self.signal.abs() >= 1.0 {
            return field("signal", "must lie between -1 and 1");
        }
        let shares = [
            ("late_listings", self.late_listings),
            ("suspension", self.suspension),
            ("split", self.split),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return field(name, "must lie in [0, 1]");
            }
        }
        Ok(())
    }
}

/// Why a market cannot be generated.
#[derive(Debug, Error, PartialEq)]
pub enum SyntheticError {
    #[error("{field} {reason}")]
    Setting { field: &'static str, reason: &'static str },
    #[error("the calendar ends before {bars} business days")]
    Calendar { bars: usize },
    #[error(transparent)]
    Panel(#[from] PanelError),
}

#[cfg(test)]
mod tests;
