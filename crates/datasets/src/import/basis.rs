use alphafleet_market::{Finding, FindingCode, FindingLog, PRICE_FIELDS, Panel, adjustment_factor};

use super::options::PriceBasis;
use crate::error::DatasetError;

/// Gives the panel its `factor` where one is known, and raw prices beside it.
pub(super) fn settle_factor(
    panel: Panel,
    asked: Option<PriceBasis>,
    log: &mut FindingLog,
) -> Result<Panel, DatasetError> {
    let Some(factor) = panel.field("factor") else {
        return factor_of_adjusted_close(panel, log);
    };
    if asked.unwrap_or_else(|| judge(&panel, factor)) == PriceBasis::Raw {
        return Ok(panel);
    }
    // Missing factors are filled as `adjust` fills them, so that it is the exact way back.
    let (factor, _) = adjustment_factor(&panel);
    let message = "the source's prices were adjusted: raw prices are stored beside their factor";
    log.push(Finding::whole(FindingCode::AdjustedSource, Some("factor"), message));
    let mut raw = panel;
    for name in PRICE_FIELDS {
        raw = combine(raw, name, &factor, |price, factor| price / factor)?;
    }
    combine(raw, "volume", &factor, |volume, factor| volume * factor)
}

fn factor_of_adjusted_close(panel: Panel, log: &mut FindingLog) -> Result<Panel, DatasetError> {
    let (Some(adjusted), Some(close)) = (panel.field("adj_close"), panel.field("close")) else {
        let message = "no factor and no adj_close: prices are used as they are";
        log.push(Finding::whole(FindingCode::NoAdjustmentFactor, Some("factor"), message));
        return Ok(panel);
    };
    let factor = adjusted.iter().zip(close).map(|(adjusted, close)| adjusted / close).collect();
    let message = "column factor is missing: adj_close / close";
    log.push(Finding::whole(FindingCode::DerivedColumn, Some("factor"), message));
    Ok(panel.with_field("factor", factor)?)
}

fn usable(factor: f64) -> bool {
    factor.is_finite() && factor > 0.0
}

fn combine(
    panel: Panel,
    name: &str,
    factor: &[f64],
    with: impl Fn(f64, f64) -> f64,
) -> Result<Panel, DatasetError> {
    let Some(values) = panel.field(name) else {
        return Ok(panel);
    };
    let values = values.iter().zip(factor).map(|(&value, &factor)| with(value, factor)).collect();
    Ok(panel.with_field(name, values)?)
}

/// A factor's change, as a logarithm, from which on it tells raw prices from adjusted ones.
/// Dividends and rounding stay below it; there a bar's own move drowns theirs.
const TELLING_CHANGE: f64 = 0.05;

/// Are closes continuous over the factor's splits as they are, or times the factor?
fn judge(panel: &Panel, factor: &[f64]) -> PriceBasis {
    let bars = panel.calendar().len();
    let (mut as_they_are, mut times_factor) = (0.0, 0.0);
    for index in 0..panel.instruments().len() {
        let close = panel.series("close", index).unwrap_or_default();
        let factors = &factor[index * bars..];
        let mut before: Option<(f64, f64)> = None;
        for (&close, &factor) in close.iter().zip(factors) {
            if !(close > 0.0 && usable(factor)) {
                continue;
            }
            if let Some((close_before, factor_before)) = before {
                let (change, step) = ((close / close_before).ln(), (factor / factor_before).ln());
                if step.abs() > TELLING_CHANGE {
                    as_they_are += change.abs();
                    times_factor += (change + step).abs();
                }
            }
            before = Some((close, factor));
        }
    }
    if as_they_are < times_factor { PriceBasis::Adjusted } else { PriceBasis::Raw }
}
