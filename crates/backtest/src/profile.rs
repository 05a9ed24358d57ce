use alphafleet_factors::DateRange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{AccountConfig, Config};
use crate::exchange::CostConfig;

/// Usual rules of a kind of market: a start for a [`Config`], every part of which can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarketProfile {
    /// United States shares: whole shares, Regulation T margin (half at first, a quarter to keep),
    /// half a cent a share and at least one dollar, 252 days a year.
    Us,
    /// Mainland Chinese A shares: lots of 100, no sale on the day of purchase, Qlib's costs and
    /// limit (rates 0.0005 and 0.0015 with the stamp duty, at least 5; 0.095), 238 days a year as
    /// in Qlib.
    Cn,
    /// Crypto spot: fractions, 0.1 % a trade, 365 days a year.
    Crypto,
    /// Futures: margin of a tenth at first and 0.075 to keep, two a contract, 252 days a year. Set
    /// the contract's multiplier. Contracts are carried at their full worth with the cash going
    /// negative, which changes neither gains nor equity; leave the debit rate at zero.
    Futures,
}

impl MarketProfile {
    /// A configuration by the rules of the market.
    pub fn config(self, period: DateRange) -> Config {
        let base = Config::new(period);
        match self {
            Self::Us => Config {
                account: AccountConfig::Margin { initial: 0.5, maintenance: 0.25 },
                costs: CostConfig { per_unit: 0.005, minimum: 1.0, ..CostConfig::default() },
                ..base
            },
            Self::Cn => Config {
                costs: CostConfig {
                    open_rate: 0.0005,
                    close_rate: 0.0005,
                    sell_tax: 0.001,
                    minimum: 5.0,
                    ..CostConfig::default()
                },
                lot: 100.0,
                price_limit: Some(0.095),
                same_session_sale: false,
                bars_per_year: 238.0,
                ..base
            },
            Self::Crypto => Config {
                costs: CostConfig { open_rate: 0.001, close_rate: 0.001, ..CostConfig::default() },
                lot: 1e-8,
                bars_per_year: 365.0,
                ..base
            },
            Self::Futures => Config {
                account: AccountConfig::Margin { initial: 0.1, maintenance: 0.075 },
                costs: CostConfig { per_unit: 2.0, ..CostConfig::default() },
                ..base
            },
        }
    }
}
