use serde::Serialize;

use super::convention::Convention;
use super::drawdown::{Drawdown, max_drawdown};
use super::statistics::{deviation, finite, mean, quantile, ratio, skewness_and_kurtosis};

/// Part of the returns that value at risk leaves below it.
const TAIL: f64 = 0.05;

/// Figures of one series of returns, in the definitions of empyrical. Returns compound;
/// deviations have ddof 1. What is not defined is none: a deviation of one return, a ratio over
/// zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReturnFigures {
    pub convention: Convention,
    pub bars: usize,
    /// `Π(1 + r) − 1`.
    pub total_return: Option<f64>,
    /// Compound: `Π(1 + r)^(bars a year / bars) − 1`.
    pub annual_return: Option<f64>,
    /// `std · √(bars a year)`.
    pub annual_volatility: Option<f64>,
    /// `mean(r − risk free) / std · √(bars a year)`.
    pub sharpe: Option<f64>,
    /// `mean(r − risk free) · bars a year / downside deviation`, where the latter is
    /// `√mean(min(r − risk free, 0)²) · √(bars a year)`.
    pub sortino: Option<f64>,
    /// Annual return over the depth of the deepest drawdown.
    pub calmar: Option<f64>,
    /// The deepest fall of compounded wealth.
    pub max_drawdown: Option<Drawdown>,
    /// The return that 5 % of returns are below, interpolated between ranks.
    pub value_at_risk: Option<f64>,
    /// Mean of the lowest 5 % of returns, at least one.
    pub conditional_value_at_risk: Option<f64>,
    /// Of the population; 0 for a normal distribution.
    pub skewness: Option<f64>,
    /// Of the population; 3 for a normal distribution.
    pub kurtosis: Option<f64>,
    pub best: Option<f64>,
    pub worst: Option<f64>,
    /// Part of the returns that are positive, of those that are not zero.
    pub positive_bars: Option<f64>,
}

impl ReturnFigures {
    pub fn of(returns: &[f64], convention: Convention) -> Self {
        let risk_free = convention.risk_free_of_bar();
        let excess: Vec<f64> = returns.iter().map(|r| r - risk_free).collect();
        let years = convention.bars_per_year;
        let annual_return = annual_return(returns, years);
        let max_drawdown = max_drawdown(returns);
        let moments = skewness_and_kurtosis(returns);
        Self {
            convention,
            bars: returns.len(),
            total_return: total_return(returns),
            annual_return,
            annual_volatility: deviation(returns, 1).map(|std| std * years.sqrt()),
            sharpe: sharpe(&excess).map(|sharpe| sharpe * years.sqrt()),
            sortino: sortino(&excess, years),
            calmar: annual_return
                .zip(max_drawdown)
                .and_then(|(annual, fall)| ratio(annual, fall.depth.abs())),
            max_drawdown,
            value_at_risk: quantile(returns, TAIL),
            conditional_value_at_risk: conditional_value_at_risk(returns),
            skewness: moments.map(|moments| moments.0),
            kurtosis: moments.map(|moments| moments.1),
            best: returns.iter().copied().max_by(f64::total_cmp).and_then(finite),
            worst: returns.iter().copied().min_by(f64::total_cmp).and_then(finite),
            positive_bars: positive(returns),
        }
    }
}

pub(crate) fn total_return(returns: &[f64]) -> Option<f64> {
    if returns.is_empty() {
        return None;
    }
    finite(returns.iter().map(|r| 1.0 + r).product::<f64>() - 1.0)
}

fn annual_return(returns: &[f64], bars_per_year: f64) -> Option<f64> {
    let wealth = total_return(returns)? + 1.0;
    let years = returns.len() as f64 / bars_per_year;
    // After ruin there is no rate at which wealth grew.
    if wealth < 0.0 { None } else { finite(wealth.powf(1.0 / years) - 1.0) }
}

/// Mean over deviation of a bar's returns.
pub(crate) fn sharpe(excess: &[f64]) -> Option<f64> {
    ratio(mean(excess)?, deviation(excess, 1)?)
}

fn sortino(excess: &[f64], bars_per_year: f64) -> Option<f64> {
    let squares: Vec<f64> = excess.iter().map(|r| r.min(0.0).powi(2)).collect();
    let downside = (mean(&squares)? * bars_per_year).sqrt();
    ratio(mean(excess)? * bars_per_year, downside)
}

fn conditional_value_at_risk(returns: &[f64]) -> Option<f64> {
    let mut sorted = returns.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = (TAIL * sorted.len().checked_sub(1)? as f64) as usize + 1;
    mean(&sorted[..count])
}

fn positive(returns: &[f64]) -> Option<f64> {
    let gains = returns.iter().filter(|&&r| r > 0.0).count();
    let moves = returns.iter().filter(|&&r| r != 0.0).count();
    (moves > 0).then(|| gains as f64 / moves as f64)
}
