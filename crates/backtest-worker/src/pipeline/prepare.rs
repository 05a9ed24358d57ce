use std::sync::Arc;

use alphafleet_backtest::plan::{EventPlan, Plan};
use alphafleet_backtest::qlib::PriceLimit;
use alphafleet_market::{Panel, PanelError, is_index_code};
use alphafleet_models::Finding;

use super::{BacktestRunError, benchmark, finding};

/// The panel as the plan's engine needs it, and what is to be known of it. Qlib's price limit reads
/// `$change`; where the data have none it is what Qlib's own data hold: the close over the last
/// close − 1, suspended days passed over.
pub(super) fn prepare(
    plan: &Plan,
    panel: Arc<Panel>,
    findings: &mut Vec<Finding>,
) -> Result<Arc<Panel>, BacktestRunError> {
    findings.extend(benchmark::gaps(plan, &panel));
    let config = match plan {
        Plan::Qlib(config) => config,
        Plan::Event(event) => {
            findings.extend(indices(event, &panel));
            return Ok(panel);
        }
    };
    let limited = matches!(config.exchange.price_limit, PriceLimit::Threshold(_));
    if !limited || panel.field("change").is_some() || panel.field("close").is_none() {
        return Ok(panel);
    }
    let message =
        "the data have no $change, which the price limit reads: close over last close − 1";
    findings.push(finding("info", "derived_column", message.to_owned()));
    Ok(Arc::new(with_change(Arc::unwrap_or_clone(panel))?))
}

/// The panel with the field `change` as Qlib's own data have it: the close over the last close − 1,
/// suspended days passed over; missing where there is no close before, or none.
///
/// # Errors
/// When the panel has no field `close`.
pub fn with_change(panel: Panel) -> Result<Panel, PanelError> {
    let change = change(panel.field("close").unwrap_or_default(), panel.calendar().len());
    panel.with_field("change", change)
}

/// Names the indices, which the engine does not trade.
fn indices(plan: &EventPlan, panel: &Panel) -> Option<Finding> {
    let named = plan.strategy.instruments();
    let instruments = panel.instruments().iter().map(String::as_str);
    let indices: Vec<&str> =
        instruments.filter(|name| is_index_code(name) && !named.contains(name)).collect();
    let message = format!("not traded, as they are indices: {}", indices.join(", "));
    (!indices.is_empty()).then(|| finding("info", "index_not_traded", message))
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
