use alphafleet_factors::DateRange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::trade_unit;
use crate::BacktestError;
use crate::range::Given;

/// Which trades of a bar are barred by a price limit (`limit_threshold`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriceLimit {
    /// Only suspended instruments cannot be traded.
    None,
    /// No buying where `$change >= x`, no selling where `$change <= -x`; compared in single
    /// precision, in which Qlib holds its data.
    Threshold(f64),
    /// No buying, or selling, where the expression is not zero (NaN counts as true, as in Python).
    Expressions { buy: String, sell: String },
}

/// What a volume limit counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolumeLimitKind {
    /// The limit grows over the session: what was dealt before is taken off.
    Cum,
    /// The limit is that of the bar alone.
    Current,
}

/// Which orders a volume limit concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitedSide {
    All,
    Buy,
    Sell,
}

/// One entry of Qlib's `volume_threshold`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeLimit {
    pub side: LimitedSide,
    pub kind: VolumeLimitKind,
    /// A factor expression for the greatest amount, such as `0.2*$volume`.
    pub limit: String,
}

/// Qlib's `Exchange` (qlib/backtest/exchange.py, version 0.9.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeConfig {
    /// Field at which buys are dealt, without `$`; where it has no price the close counts.
    pub buy_price: String,
    /// Field at which sells are dealt, without `$`.
    pub sell_price: String,
    /// Cost rate of buying.
    pub open_cost: f64,
    /// Cost rate of selling.
    pub close_cost: f64,
    /// Least cost of a trade, in money.
    pub min_cost: f64,
    /// Market impact: the cost rate grows by `impact_cost · (trade value / bar value)²`.
    pub impact_cost: f64,
    pub price_limit: PriceLimit,
    /// Amounts are multiples of this in raw shares (`amount · $factor`); `"none"` or null trades
    /// fractions. Without effect where `$factor` is missing anywhere: Qlib then trades adjusted
    /// prices.
    #[serde(deserialize_with = "trade_unit::read")]
    #[schemars(schema_with = "trade_unit::schema")]
    pub trade_unit: Option<f64>,
    pub volume_limits: Vec<VolumeLimit>,
}

impl ExchangeConfig {
    /// The factor expressions in it, each with the path of its field.
    pub(crate) fn expressions(&self) -> Vec<(&'static str, &str)> {
        let limits = self.volume_limits.iter();
        let mut all: Vec<_> =
            limits.map(|limit| ("exchange.volume_limits", limit.limit.as_str())).collect();
        if let PriceLimit::Expressions { buy, sell } = &self.price_limit {
            all.extend([("exchange.price_limit.buy", &**buy), ("exchange.price_limit.sell", sell)]);
        }
        all
    }
}

impl Default for ExchangeConfig {
    /// Qlib's defaults for its region `cn`, with the costs of its published benchmarks.
    fn default() -> Self {
        Self {
            buy_price: "close".to_owned(),
            sell_price: "close".to_owned(),
            open_cost: 0.0005,
            close_cost: 0.0015,
            min_cost: 5.0,
            impact_cost: 0.0,
            price_limit: PriceLimit::Threshold(0.095),
            trade_unit: Some(100.0),
            volume_limits: vec![],
        }
    }
}

impl ExchangeConfig {
    pub fn validate(&self) -> Result<(), BacktestError> {
        Given("open_cost", self.open_cost).rate()?;
        Given("close_cost", self.close_cost).rate()?;
        Given("min_cost", self.min_cost).not_negative()?;
        Given("impact_cost", self.impact_cost).not_negative()?;
        if let PriceLimit::Threshold(threshold) = self.price_limit {
            Given("price_limit.threshold", threshold).positive()?;
        }
        if let Some(unit) = self.trade_unit {
            Given("trade_unit", unit).positive()?;
        }
        Ok(())
    }
}

/// How holdings to sell are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SellMethod {
    /// The worst of holdings and candidates together.
    #[default]
    Bottom,
    /// Any holdings, drawn from the seed.
    Random,
}

/// How instruments to buy are picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BuyMethod {
    /// The best that are not held.
    #[default]
    Top,
    /// Any of the best `topk` that are not held, drawn from the seed.
    Random,
}

/// Qlib's `TopkDropoutStrategy` (qlib/contrib/strategy/signal_strategy.py, version 0.9.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TopkDropoutConfig {
    /// Instruments in the portfolio.
    #[schemars(range(min = 1))]
    pub topk: usize,
    /// Instruments replaced each bar. At least 1: Qlib's slice `[-0:]` would sell everything.
    #[schemars(range(min = 1))]
    pub n_drop: usize,
    pub method_sell: SellMethod,
    pub method_buy: BuyMethod,
    /// Bars a holding is kept at least.
    pub hold_thresh: usize,
    /// Candidates that cannot be traded at the bar are passed over.
    pub only_tradable: bool,
    /// At a price limit neither side is traded; else one may sell at limit up and buy at limit
    /// down.
    pub forbid_all_trade_at_limit: bool,
    /// Part of the cash that is spent on buys.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub risk_degree: f64,
    /// Seed of the methods that draw. The draws are not numpy's.
    pub seed: u64,
}

impl Default for TopkDropoutConfig {
    fn default() -> Self {
        Self {
            topk: 50,
            n_drop: 5,
            method_sell: SellMethod::Bottom,
            method_buy: BuyMethod::Top,
            hold_thresh: 1,
            only_tradable: false,
            forbid_all_trade_at_limit: true,
            risk_degree: 0.95,
            seed: 0,
        }
    }
}

impl TopkDropoutConfig {
    pub fn validate(&self) -> Result<(), BacktestError> {
        let count = "from 1 to 1,000,000";
        let fits = |value: f64| (1.0..=1e6).contains(&value);
        Given("topk", self.topk as f64).check(fits, count)?;
        Given("n_drop", self.n_drop as f64).check(fits, count)?;
        Given("risk_degree", self.risk_degree).fraction()
    }
}

/// A backtest the way Qlib's `backtest_daily` runs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QlibConfig {
    pub period: DateRange,
    /// Cash at the start.
    #[serde(default = "default_capital")]
    pub capital: f64,
    #[serde(default)]
    pub exchange: ExchangeConfig,
    #[serde(default)]
    pub strategy: TopkDropoutConfig,
    /// Instruments whose mean return is the benchmark; none leaves it out.
    #[serde(default)]
    pub benchmark: Vec<String>,
}

fn default_capital() -> f64 {
    1e8
}

impl QlibConfig {
    pub fn validate(&self) -> Result<(), BacktestError> {
        self.validate_capital()?;
        self.exchange.validate()?;
        self.strategy.validate()
    }

    /// What is left to check beside exchange and strategy.
    pub(crate) fn validate_capital(&self) -> Result<(), BacktestError> {
        Given("capital", self.capital).positive()
    }
}
