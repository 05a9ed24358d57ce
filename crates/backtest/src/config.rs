use alphafleet_factors::DateRange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BacktestError;
use crate::exchange::{CostConfig, DealPrice, Slippage};
use crate::ledger::{LARGEST, Quantity};
use crate::range::Given;

/// What an account may owe.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AccountConfig {
    /// Nothing: buys are cut to the cash at hand, only what is held is sold.
    #[default]
    Cash,
    /// Positions may be short and worth more than the equity.
    Margin {
        /// Equity that an opening fill must leave, as a fraction of the gross position.
        initial: f64,
        /// Below this fraction at a close everything is closed at the next deal price.
        maintenance: f64,
    },
}

/// A run of the engine. Every rate is a fraction: 0.001 is ten basis points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub period: DateRange,
    #[serde(default = "Config::default_capital")]
    pub capital: f64,
    #[serde(default)]
    pub account: AccountConfig,
    #[serde(default)]
    pub costs: CostConfig,
    #[serde(default)]
    pub slippage: Slippage,
    #[serde(default)]
    pub deal_price: DealPrice,
    /// Quantities that open a position are multiples of this.
    #[serde(default = "Config::default_lot")]
    pub lot: f64,
    /// Worth of one contract per unit of its price.
    #[serde(default = "Config::one")]
    pub multiplier: f64,
    /// Greatest part of a bar's volume that is dealt.
    #[serde(default)]
    pub participation: Option<f64>,
    /// No buying at a price this far above the last close, no selling this far below.
    #[serde(default)]
    pub price_limit: Option<f64>,
    /// Whether what was bought may be sold in the same session.
    #[serde(default = "Config::yes")]
    pub same_session_sale: bool,
    /// Whether a bar without volume deals nothing.
    #[serde(default = "Config::yes")]
    pub zero_volume_suspends: bool,
    /// Trading days without a bar, one after the other, after which an instrument counts as
    /// delisted. That none comes later is not known on the day, so that it takes a number.
    #[serde(default = "Config::default_delisting_days")]
    #[schemars(range(min = 1, max = 100_000))]
    pub delisting_days: usize,
    /// Part of the last close that is paid for what was delisted.
    #[serde(default = "Config::one")]
    pub delisting_recovery: f64,
    /// An instrument whose closes are the benchmark.
    #[serde(default)]
    pub benchmark: Option<String>,
    /// Bars a year in annual figures. Up to 366 they are days a year, which intraday data multiply
    /// by their bars of a day.
    #[serde(default = "Config::default_bars_per_year")]
    pub bars_per_year: f64,
    /// Yearly rate without risk, taken off in ratios.
    #[serde(default)]
    pub risk_free: f64,
    /// Keep the positions of every bar; a sweep of many runs may do without.
    #[serde(default = "Config::yes")]
    pub record_positions: bool,
    /// Orders that may wait at a time.
    #[serde(default = "Config::default_open_orders")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_open_orders: usize,
}

impl Config {
    /// A cash account of 100,000 without any cost, dealing at the next open.
    pub fn new(period: DateRange) -> Self {
        Self {
            period,
            capital: Self::default_capital(),
            account: AccountConfig::default(),
            costs: CostConfig::default(),
            slippage: Slippage::default(),
            deal_price: DealPrice::default(),
            lot: Self::default_lot(),
            multiplier: 1.0,
            participation: None,
            price_limit: None,
            same_session_sale: true,
            zero_volume_suspends: true,
            delisting_days: Self::default_delisting_days(),
            delisting_recovery: 1.0,
            benchmark: None,
            bars_per_year: Self::default_bars_per_year(),
            risk_free: 0.0,
            record_positions: true,
            max_open_orders: Self::default_open_orders(),
        }
    }

    /// Refuses what is out of range, by name.
    pub fn validate(&self) -> Result<(), BacktestError> {
        Given("capital", self.capital)
            .check(|value| value > 0.0 && value <= 1e15, "positive and at most 1e15")?;
        self.costs.validate()?;
        self.slippage.validate()?;
        let lot = Quantity::from_f64(self.lot).is_some_and(Quantity::is_positive);
        Given("lot", self.lot).check(|_| lot, "from 1e-8 to 9e10")?;
        Given("multiplier", self.multiplier)
            .check(|value| value > 0.0 && value <= LARGEST, "above 0 and at most 9e10")?;
        if let Some(participation) = self.participation {
            Given("participation", participation)
                .check(|value| value > 0.0 && value <= 1.0, "above 0 and at most 1")?;
        }
        if let Some(limit) = self.price_limit {
            Given("price_limit", limit).positive()?;
        }
        Given("delisting_days", self.delisting_days as f64)
            .check(|value| (1.0..=1e5).contains(&value), "from 1 to 100,000")?;
        Given("delisting_recovery", self.delisting_recovery).fraction()?;
        Given("bars_per_year", self.bars_per_year).positive()?;
        Given("risk_free", self.risk_free).check(|value| value.abs() < 1.0, "above -1, below 1")?;
        Given("max_open_orders", self.max_open_orders as f64)
            .check(|value| (1.0..=1e6).contains(&value), "from 1 to 1,000,000")?;
        match self.account {
            AccountConfig::Cash => Ok(()),
            AccountConfig::Margin { initial, maintenance } => {
                let fraction = |value: f64| value > 0.0 && value <= 1.0;
                Given("account.margin.initial", initial)
                    .check(fraction, "above 0 and at most 1")?;
                Given("account.margin.maintenance", maintenance)
                    .check(|value| value > 0.0 && value <= initial, "above 0, at most initial")
            }
        }
    }

    fn default_capital() -> f64 {
        100_000.0
    }

    fn default_lot() -> f64 {
        1.0
    }

    fn one() -> f64 {
        1.0
    }

    fn yes() -> bool {
        true
    }

    /// Longer than most suspensions.
    fn default_delisting_days() -> usize {
        60
    }

    fn default_bars_per_year() -> f64 {
        252.0
    }

    fn default_open_orders() -> usize {
        10_000
    }
}
