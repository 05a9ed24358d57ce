use serde::Serialize;

use super::statistics::{deviation, finite, mean};

/// Days a year in TradeMaster's Sharpe ratio.
const DAYS_PER_YEAR: f64 = 252.0;
/// TradeMaster adds this to what it divides by.
const GUARD: f64 = 1e-10;

/// TradeMaster's figures of a portfolio (Sun et al. 2023; `evaualte` of the portfolio management
/// environment in version 1.0.0), in its definitions: deviations have ddof 0, and the square root of
/// the Sortino ratio counts a zero for the start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TradeMasterFigures {
    /// TR: last over first equity − 1.
    pub total_return: Option<f64>,
    /// SR: `mean(r) · √252 / std(r)`, whatever the market. Versions before March 2023 had the total
    /// return over `√(bars + 1)` in the place of the mean.
    pub sharpe: Option<f64>,
    /// CR: `Σ r / MDD`.
    pub calmar: Option<f64>,
    /// SoR: `Σ r / std(negative r) / √(bars + 1)`; none without a negative return, where
    /// TradeMaster divides by 10⁻¹⁰.
    pub sortino: Option<f64>,
    /// MDD: greatest fall from the highest equity so far, as a positive fraction.
    pub max_drawdown: Option<f64>,
    /// VOL: `std(r)`, not annualised.
    pub volatility: Option<f64>,
    /// ENT: mean over bars of `−Σ w ln w`, with `w` the shares of what is held: the Shannon entropy
    /// that PRUDEX-Compass (Sun et al. 2023) names as a measure of diversity. TradeMaster's code
    /// draws it but does not compute it. None when nothing was ever held.
    pub entropy: Option<f64>,
}

impl TradeMasterFigures {
    /// `equity` begins with the capital at the start; `weights` are the positions' shares of every
    /// bar with a position, each adding up to 1.
    pub fn of<'a>(equity: &[f64], weights: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let steps: Vec<f64> = equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
        let ends = equity.first().zip(equity.last()).filter(|_| equity.len() > 1);
        let total = ends.and_then(|(first, last)| finite(last / (first + GUARD) - 1.0));
        let volatility = deviation(&steps, 0);
        let (sum, root) = (steps.iter().sum::<f64>(), (equity.len() as f64).sqrt());
        let negative: Vec<f64> = steps.iter().copied().filter(|&step| step < 0.0).collect();
        let fall = ends.map(|_| greatest_fall(equity));
        Self {
            total_return: total,
            sharpe: mean(&steps).zip(volatility).and_then(|(mean, volatility)| {
                finite(mean * DAYS_PER_YEAR.sqrt() / (volatility + GUARD))
            }),
            calmar: fall.and_then(|fall| finite(sum / (fall + GUARD))),
            sortino: deviation(&negative, 0)
                .and_then(|downside| finite(sum / (downside + GUARD) / (root + GUARD))),
            max_drawdown: fall,
            volatility,
            entropy: mean_entropy(weights),
        }
    }
}

fn greatest_fall(equity: &[f64]) -> f64 {
    let (mut peak, mut fall) = (f64::NEG_INFINITY, 0.0_f64);
    for &value in equity {
        peak = peak.max(value);
        fall = fall.max((peak - value) / peak);
    }
    fall
}

fn mean_entropy<'a>(weights: impl IntoIterator<Item = &'a [f64]>) -> Option<f64> {
    let entropy = |weights: &[f64]| -> f64 {
        -weights.iter().filter(|&&w| w > 0.0).map(|w| w * w.ln()).sum::<f64>()
    };
    let bars: Vec<f64> = weights.into_iter().filter(|w| !w.is_empty()).map(entropy).collect();
    mean(&bars)
}
