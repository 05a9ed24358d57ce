use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::range::Given;

/// How figures are annualised. Stated beside every set of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convention {
    /// Bars a year: 252 for United States days, 238 in Qlib, 365 for crypto.
    pub bars_per_year: f64,
    /// Yearly rate without risk; a bar's part of it is `rate / bars a year`.
    #[serde(default)]
    pub risk_free: f64,
}

impl Convention {
    pub fn validate(&self) -> Result<(), BacktestError> {
        Given("bars_per_year", self.bars_per_year).positive()?;
        Given("risk_free", self.risk_free).check(|rate| rate.abs() < 1.0, "above -1, below 1")
    }

    pub(crate) fn risk_free_of_bar(&self) -> f64 {
        self.risk_free / self.bars_per_year
    }
}

impl Default for Convention {
    fn default() -> Self {
        Self { bars_per_year: 252.0, risk_free: 0.0 }
    }
}
