use serde::Serialize;

use super::report::QlibDay;

/// Bars a year in Qlib's annual figures of daily returns.
pub const QLIB_DAYS_PER_YEAR: f64 = 238.0;

/// How Qlib's `risk_analysis` accumulates returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accumulation {
    /// Returns are added up: the annual return is the arithmetic mean × bars a year, the drawdown
    /// that of the running sum.
    Sum,
    /// Returns are compounded: mean and annual return are geometric, the deviation is that of log
    /// returns, the drawdown relative to the peak.
    Product,
}

/// Qlib's `risk_analysis` (qlib/contrib/evaluate.py). Deviations have ddof 1; no risk-free rate.
/// A figure is none where it is not defined: no return, or one only for a deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RiskAnalysis {
    pub mean: Option<f64>,
    pub std: Option<f64>,
    pub annualized_return: Option<f64>,
    /// `mean / std · √(bars a year)`.
    pub information_ratio: Option<f64>,
    /// The deepest fall, zero or negative.
    pub max_drawdown: Option<f64>,
}

/// Risk figures of a series of returns, one a bar.
pub fn risk_analysis(returns: &[f64], bars_per_year: f64, how: Accumulation) -> RiskAnalysis {
    let count = returns.len() as f64;
    let finite = |value: f64| value.is_finite().then_some(value);
    let (mean, std, annual, drawdown) = match how {
        Accumulation::Sum => {
            let mean = returns.iter().sum::<f64>() / count;
            (mean, deviation(returns.iter().copied()), mean * bars_per_year, sum_drawdown(returns))
        }
        Accumulation::Product => {
            let total: f64 = returns.iter().map(|r| 1.0 + r).product();
            let std = deviation(returns.iter().map(|r| (1.0 + r).ln()));
            let annual = total.powf(bars_per_year / count) - 1.0;
            (total.powf(1.0 / count) - 1.0, std, annual, product_drawdown(returns))
        }
    };
    RiskAnalysis {
        mean: finite(mean),
        std: finite(std),
        annualized_return: finite(annual),
        information_ratio: finite(mean / std * bars_per_year.sqrt()),
        max_drawdown: drawdown,
    }
}

fn deviation(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt()
}

fn sum_drawdown(returns: &[f64]) -> Option<f64> {
    let (mut sum, mut peak, mut worst) = (0.0, f64::NEG_INFINITY, None);
    for value in returns {
        sum += value;
        peak = f64::max(peak, sum);
        worst = Some(f64::min(worst.unwrap_or(0.0), sum - peak));
    }
    worst
}

fn product_drawdown(returns: &[f64]) -> Option<f64> {
    let (mut wealth, mut peak, mut worst) = (1.0, f64::NEG_INFINITY, None);
    for value in returns {
        wealth *= 1.0 + value;
        peak = f64::max(peak, wealth);
        worst = Some(f64::min(worst.unwrap_or(0.0), wealth / peak - 1.0));
    }
    worst
}

/// Qlib's figures of a report: strategy and benchmark, and the excess of one over the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct QlibRisk {
    /// Of returns before costs.
    pub strategy_return: RiskAnalysis,
    pub bench: Option<RiskAnalysis>,
    pub excess_return_without_cost: Option<RiskAnalysis>,
    pub excess_return_with_cost: Option<RiskAnalysis>,
}

impl QlibRisk {
    /// Figures of daily bars, returns added up, 238 days a year.
    pub fn of(days: &[QlibDay]) -> Self {
        let analyse = |of: &dyn Fn(&QlibDay) -> Option<f64>| {
            let returns: Option<Vec<f64>> = days.iter().map(of).collect();
            returns.map(|returns| risk_analysis(&returns, QLIB_DAYS_PER_YEAR, Accumulation::Sum))
        };
        let strategy: Vec<f64> = days.iter().map(|day| day.return_rate).collect();
        Self {
            strategy_return: risk_analysis(&strategy, QLIB_DAYS_PER_YEAR, Accumulation::Sum),
            bench: analyse(&|day| day.bench),
            excess_return_without_cost: analyse(&|day| Some(day.return_rate - day.bench?)),
            excess_return_with_cost: analyse(&|day| Some(day.return_rate - day.bench? - day.cost)),
        }
    }
}
