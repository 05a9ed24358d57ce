use std::sync::Arc;

use alphafleet_backtest::plan::Plan;
use alphafleet_backtest::qlib::PriceLimit;
use alphafleet_market::Panel;
use alphafleet_models::Finding;

use super::{BacktestRunError, finding};

/// The panel as the plan's engine needs it. Qlib's price limit reads `$change`; where the data
/// have none it is what Qlib's own data hold: the close over the last close − 1, suspended days
/// passed over.
pub(super) fn prepare(
    plan: &Plan,
    panel: Arc<Panel>,
    findings: &mut Vec<Finding>,
) -> Result<Arc<Panel>, BacktestRunError> {
    let Plan::Qlib(config) = plan else { return Ok(panel) };
    let limited = matches!(config.exchange.price_limit, PriceLimit::Threshold(_));
    let Some(close) = panel.field("close").filter(|_| limited && panel.field("change").is_none())
    else {
        return Ok(panel);
    };
    let message =
        "the data have no $change, which the price limit reads: close over last close − 1";
    findings.push(finding("info", "derived_column", message.to_owned()));
    let change = change(close, panel.calendar().len());
    Ok(Arc::new(Arc::unwrap_or_clone(panel).with_field("change", change)?))
}

fn change(close: &[f64], bars: usize) -> Vec<f64> {
    let mut change = Vec::with_capacity(close.len());
    for series in close.chunks(bars.max(1)) {
        let mut last = f64::NAN;
        for &close in series {
            change.push(close / last - 1.0);
            if !close.is_nan() {
                last = close;
            }
        }
    }
    change
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::change;

    #[test]
    fn a_change_passes_over_suspended_days_and_ends_with_the_instrument() {
        let found = change(&[10.0, f64::NAN, 11.0, 5.0, 4.0, f64::NAN], 3);
        assert!(found[0].is_nan() && found[1].is_nan() && found[3].is_nan() && found[5].is_nan());
        assert!((found[2] - 0.1).abs() < 1e-12 && (found[4] + 0.2).abs() < 1e-12);
    }
}
