//! Qlib's daily backtest, figure by figure (pyqlib 0.9.7).
//!
//! [`QlibMarket`] is its exchange over a panel, [`run_qlib`] the loop of strategy and account,
//! [`QlibRisk`] its risk figures. Arithmetic is in double precision over single-precision data, in
//! Qlib's order of operations, so results agree to rounding; equal scores are ordered as numpy
//! orders them (`argsort`).

mod benchmark;
mod config;
mod exchange;
mod position;
mod quotes;
mod report;
mod risk;
mod run;
mod topk_dropout;
mod trade_unit;

pub use config::{
    BuyMethod, ExchangeConfig, LimitedSide, PriceLimit, QlibConfig, SellMethod, TopkDropoutConfig,
    VolumeLimit, VolumeLimitKind,
};
pub use position::is_close;
pub use quotes::QlibMarket;
pub use report::{Indicators, OrderRecord, PositionRecord, QlibDay, QlibResult};
pub use risk::{Accumulation, QLIB_DAYS_PER_YEAR, QlibRisk, RiskAnalysis, risk_analysis};
pub use run::run_qlib;
