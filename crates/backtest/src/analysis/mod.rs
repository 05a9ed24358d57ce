//! Figures of performance. Each states its convention; what is not defined is none, never NaN.

mod convention;
mod deflated_sharpe;
mod drawdown;
mod normal;
mod performance;
mod reality_check;
mod relative;
mod returns;
mod statistics;
mod tables;
mod trademaster;
mod trading;

pub use convention::{Convention, bars_per_day};
pub use deflated_sharpe::{SharpeSample, deflated_sharpe, probabilistic_sharpe};
pub use drawdown::{Drawdown, drawdowns, max_drawdown};
pub use performance::Performance;
pub use reality_check::{RealityCheck, RealityCheckConfig, reality_check};
pub use relative::RelativeFigures;
pub use returns::ReturnFigures;
pub use statistics::mean;
pub use tables::{PeriodReturn, RollingFigures, monthly_returns, rolling_figures, yearly_returns};
pub use trademaster::TradeMasterFigures;
pub use trading::{ActivityFigures, TradeFigures};
