use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::Side;
use crate::range::Given;

/// How much worse than the quoted price market and stop orders are dealt. Limit orders keep to
/// their price. It may lie outside of the bar, whose trades were without this one, but not beyond
/// the price limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Slippage {
    #[default]
    None,
    /// Money per share or contract.
    Fixed(f64),
    /// A fraction of the price.
    Proportional(f64),
    /// Square-root impact: `price · coefficient · √(quantity dealt / bar volume)` (Almgren et al. 2005
    /// and others find an exponent near one half). Without volume the whole coefficient counts.
    SquareRoot(f64),
}

impl Slippage {
    pub fn validate(&self) -> Result<(), BacktestError> {
        match *self {
            Self::None => Ok(()),
            Self::Fixed(amount) => Given("slippage.fixed", amount).not_negative(),
            Self::Proportional(rate) => Given("slippage.proportional", rate).rate(),
            Self::SquareRoot(coefficient) => Given("slippage.square_root", coefficient).rate(),
        }
    }

    /// The price after slippage. A sell never falls below a thousandth of the quoted price.
    pub(crate) fn price(&self, quoted: f64, side: Side, quantity: f64, volume: f64) -> f64 {
        let by = match *self {
            Self::None => return quoted,
            Self::Fixed(amount) => amount,
            Self::Proportional(rate) => quoted * rate,
            Self::SquareRoot(coefficient) => {
                let part = if volume > 0.0 { (quantity / volume).min(1.0) } else { 1.0 };
                quoted * coefficient * part.sqrt()
            }
        };
        (quoted + side.sign() * by).max(quoted * 1e-3)
    }
}
