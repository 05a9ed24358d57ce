//! Technical indicators, numerically equal to TA-Lib 0.8.1.
//!
//! Each is an [`Indicator`]: a state machine that takes one bar at a time, and beside it in `lanes`
//! the same for eight instruments, where they have bars together. A batch, an incremental update and
//! a live stream give the same bits; the state can be stored between any two bars. [`Machine`] is any
//! of them, [`INDICATORS`] lists them as operators of the expression language and [`find`] looks one
//! up.
//!
//! An output is NaN at the bars before TA-Lib's first value (its unstable period being 0), and at
//! missing bars: those with an input that is NaN, infinite or beyond [`LARGEST_INPUT`]. A missing bar
//! leaves no trace: the values at the other bars are those of a series without it.
//!
//! Where nothing moved, TA-Lib's answers hold: 0 for RSI, stochastic, %R, CCI, MFI, ADX and the
//! directional indicators. Two indicators are not TA-Lib's: VWAP and the historical volatility, whose
//! definitions stand where they are written. VWAP alone has NaN after its warm-up: in a window
//! without volume.

mod averages;
mod bands;
mod cci;
mod directional;
mod error;
mod indicator;
mod lanes;
mod logarithm;
mod macd;
mod machine;
mod operators;
mod range;
mod rate;
mod registry;
mod rsi;
mod sar;
mod stochastic;
mod variance;
mod volatility;
mod volume;
mod window;
mod zero;

pub use averages::{Ema, Sma, Wma};
pub use bands::Bollinger;
pub use cci::Cci;
pub use directional::DirectionalMovement;
pub use error::IndicatorError;
pub use indicator::{Indicator, LARGEST_INPUT};
pub use macd::Macd;
pub use machine::Machine;
pub use operators::INDICATORS;
pub use range::AverageTrueRange;
pub use rate::RateOfChange;
pub use registry::{LONGEST_WINDOW, Parameter, Spec, find};
pub use rsi::Rsi;
pub use sar::Sar;
pub use stochastic::{Stochastic, WilliamsR};
pub use volatility::HistoricalVolatility;
pub use volume::{AccumulationDistribution, MoneyFlow, OnBalanceVolume, Vwap};
