use chrono::NaiveDateTime;
use serde::Serialize;

use super::convention::Convention;
use super::relative::RelativeFigures;
use super::returns::ReturnFigures;
use super::trading::{ActivityFigures, TradeFigures};
use crate::engine::{BacktestResult, DayReport};
use crate::qlib::{Accumulation, RiskAnalysis, risk_analysis};
use crate::{BacktestError, Config};

/// Every figure of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Performance {
    /// Of returns after costs.
    pub returns: ReturnFigures,
    pub trades: TradeFigures,
    pub activity: ActivityFigures,
    /// Against the benchmark, if the run had one.
    pub relative: Option<RelativeFigures>,
    /// Qlib's view: returns after costs, less the benchmark's if there is one, added up.
    pub qlib: RiskAnalysis,
}

impl Performance {
    /// Figures by the bars a year, as [`Convention::of_bars`] counts them, and the risk-free rate
    /// of the run's configuration.
    pub fn of(result: &BacktestResult, config: &Config) -> Result<Self, BacktestError> {
        let convention =
            Convention { bars_per_year: config.bars_per_year, risk_free: config.risk_free };
        convention.validate()?;
        let days = &result.days;
        let times: Vec<NaiveDateTime> = days.iter().map(|day| day.time).collect();
        let convention = convention.of_bars(&times);
        let returns: Vec<f64> = days.iter().map(|day| day.return_rate).collect();
        let benchmark: Option<Vec<f64>> = days.iter().map(|day| day.benchmark).collect();
        let benchmark = benchmark.filter(|_| !days.is_empty());
        let relative = benchmark
            .map(|benchmark| RelativeFigures::of(&returns, &benchmark, convention))
            .transpose()?;
        let excess = |day: &DayReport| day.return_rate - day.benchmark.unwrap_or(0.0);
        let excess: Vec<f64> = days.iter().map(excess).collect();
        Ok(Self {
            returns: ReturnFigures::of(&returns, convention),
            trades: TradeFigures::of(&result.trades),
            activity: ActivityFigures::of(days, &result.fills, convention.bars_per_year),
            relative,
            qlib: risk_analysis(&excess, convention.bars_per_year, Accumulation::Sum),
        })
    }
}
