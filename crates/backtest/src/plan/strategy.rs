use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::AccountConfig;
use crate::engine::Strategy;
use crate::strategies::{
    DropoutConfig, MeanReversion, MeanReversionConfig, Momentum, MomentumConfig,
    MovingAverageCross, MovingAverageCrossConfig, Pairs, PairsConfig, RuleConfig, Rules,
    TopkDropout, Weighting, Weights, WeightsConfig,
};
use crate::{BacktestError, Signal};

/// A strategy of the event-driven engine with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StrategyPlan {
    TopkDropout(DropoutConfig),
    Weights(WeightsConfig),
    #[serde(alias = "ma_cross")]
    MovingAverageCross(MovingAverageCrossConfig),
    Momentum(MomentumConfig),
    MeanReversion(MeanReversionConfig),
    Pairs(PairsConfig),
    Rules(Box<RuleConfig>),
}

impl StrategyPlan {
    /// Every `type` there is.
    pub const NAMES: [&str; 7] = [
        "topk_dropout",
        "weights",
        "moving_average_cross",
        "momentum",
        "mean_reversion",
        "pairs",
        "rules",
    ];

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::TopkDropout(_) => "topk_dropout",
            Self::Weights(_) => "weights",
            Self::MovingAverageCross(_) => "moving_average_cross",
            Self::Momentum(_) => "momentum",
            Self::MeanReversion(_) => "mean_reversion",
            Self::Pairs(_) => "pairs",
            Self::Rules(_) => "rules",
        }
    }

    /// The instruments that the settings name as those to trade.
    pub fn instruments(&self) -> Vec<&str> {
        match self {
            Self::Pairs(pair) => vec![&pair.first, &pair.second],
            _ => Vec::new(),
        }
    }

    pub(super) fn expressions(&self) -> Vec<(&'static str, &str)> {
        let Self::Rules(rules) = self else { return Vec::new() };
        let given = [
            ("strategy.entry", Some(&rules.entry)),
            ("strategy.exit", Some(&rules.exit)),
            ("strategy.short_entry", rules.short_entry.as_ref()),
            ("strategy.short_exit", rules.short_exit.as_ref()),
        ];
        given.into_iter().filter_map(|(path, text)| Some((path, text?.as_str()))).collect()
    }

    pub(super) fn needs_signal(&self) -> bool {
        match self {
            Self::TopkDropout(_) => true,
            Self::Weights(config) => config.weighting.needs_signal() || config.topk.is_some(),
            _ => false,
        }
    }

    pub(super) fn takes_signal(&self) -> bool {
        match self {
            Self::Weights(config) => {
                self.needs_signal() || matches!(config.weighting, Weighting::MeanVariance { .. })
            }
            _ => self.needs_signal(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), BacktestError> {
        match self {
            Self::TopkDropout(config) => config.validate(),
            Self::Weights(config) => config.validate(),
            _ => self.build(None).map(drop),
        }
    }

    /// Refuses a cash account for what sells short.
    pub(super) fn validate_account(&self, account: AccountConfig) -> Result<(), BacktestError> {
        let (needed_by, remedy) = match self {
            Self::Pairs(_) => ("a pair", "give "),
            Self::MovingAverageCross(MovingAverageCrossConfig { short: true, .. })
            | Self::MeanReversion(MeanReversionConfig { short: true, .. }) => {
                ("short = true", "leave short out, or give ")
            }
            Self::Rules(rules) if rules.short_entry.is_some() => {
                ("short_entry", "leave short_entry and short_exit out, or give ")
            }
            _ => return Ok(()),
        };
        match account {
            AccountConfig::Cash => Err(BacktestError::CashAccount { needed_by, remedy }),
            AccountConfig::Margin { .. } => Ok(()),
        }
    }

    /// The strategy, ready to run once.
    pub(super) fn build(
        &self,
        signal: Option<&Signal>,
    ) -> Result<Box<dyn Strategy>, BacktestError> {
        Ok(match self {
            Self::TopkDropout(config) => {
                let signal = signal.ok_or(MISSING_SIGNAL)?;
                Box::new(TopkDropout::new(*config, signal.clone())?)
            }
            Self::Weights(config) => Box::new(Weights::new(config.clone(), signal.cloned())?),
            Self::MovingAverageCross(config) => Box::new(MovingAverageCross::new(config.clone())?),
            Self::Momentum(config) => Box::new(Momentum::new(*config)?),
            Self::MeanReversion(config) => Box::new(MeanReversion::new(*config)?),
            Self::Pairs(config) => Box::new(Pairs::new(config.clone())?),
            Self::Rules(config) => Box::new(Rules::new(RuleConfig::clone(config))?),
        })
    }
}

pub(super) const MISSING_SIGNAL: BacktestError = BacktestError::Incomplete {
    field: "signal",
    remedy: "this strategy goes by scores: give a model's predictions or a file of signals",
};
