use serde::{Deserialize, Serialize};

use crate::finding::{Finding, FindingCode, FindingLog};
use crate::panel::{Panel, PanelError};

/// Fields that are prices and therefore adjusted.
pub const PRICE_FIELDS: [&str; 5] = ["open", "high", "low", "close", "vwap"];

/// How raw prices become comparable over splits and dividends.
///
/// With the dated factor `f` of a bar and `L` the instrument's last known factor:
///
/// | variant | price | volume |
/// |---|---|---|
/// | `None` | `p` | `v` |
/// | `Backward` | `p · f` | `v / f` |
/// | `Forward` | `p · f / L` | `v · L / f` |
///
/// `Backward` is Qlib's convention (adjusted = raw × factor): with a factor of 1 at the start,
/// early prices stay and later ones grow. `Forward` leaves the last price as it was traded.
/// Only prices and `volume` change; amounts and further fields stay as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    None,
    #[default]
    Backward,
    Forward,
}

/// Adjusts prices ([`PRICE_FIELDS`]) and volume of a panel of raw bars.
///
/// The factor is the field `factor`, else `adj_close / close`, else 1 with a finding. A bar with
/// a price but without a usable (positive, finite) factor takes the instrument's last factor
/// before it, else the first one after it, and is counted in a finding. The field `factor` is
/// left in the panel, so that `$close / $factor` is still the raw price under `Backward`.
pub fn adjust(panel: Panel, adjustment: Adjustment) -> Result<(Panel, Vec<Finding>), PanelError> {
    if adjustment == Adjustment::None {
        return Ok((panel, Vec::new()));
    }
    let (mut factor, findings) = adjustment_factor(&panel);
    if adjustment == Adjustment::Forward {
        scale_to_last(&mut factor, panel.calendar().len());
    }
    let mut adjusted = panel;
    for name in PRICE_FIELDS {
        adjusted = map_field(adjusted, name, &factor, |price, factor| price * factor)?;
    }
    adjusted = map_field(adjusted, "volume", &factor, |volume, factor| volume / factor)?;
    Ok((adjusted, findings))
}

/// The factor of every cell: raw price × factor = adjusted price. 1 where nothing is known.
pub fn adjustment_factor(panel: &Panel) -> (Vec<f64>, Vec<Finding>) {
    let cells = panel.calendar().len() * panel.instruments().len();
    let mut factor = match (panel.field("factor"), panel.field("adj_close"), panel.field("close")) {
        (Some(factor), _, _) => factor.to_vec(),
        (None, Some(adjusted), Some(close)) => {
            adjusted.iter().zip(close).map(|(adjusted, close)| adjusted / close).collect()
        }
        _ => {
            let code = FindingCode::NoAdjustmentFactor;
            let message = "no factor and no adj_close: prices are used as they are";
            return (vec![1.0; cells], vec![Finding::whole(code, Some("factor"), message)]);
        }
    };
    let findings = fill_factor(panel, &mut factor);
    (factor, findings)
}

/// Gives the bars of one instrument that have no usable (positive, finite) factor the last one
/// before them, else the first one after them, else 1; answers which bars that were.
pub fn fill_factors(factors: &mut [f64]) -> Vec<usize> {
    let usable = |value: f64| value.is_finite() && value > 0.0;
    let mut known = factors.iter().copied().find(|&value| usable(value)).unwrap_or(1.0);
    let mut filled = Vec::new();
    for (bar, value) in factors.iter_mut().enumerate() {
        if usable(*value) {
            known = *value;
        } else {
            *value = known;
            filled.push(bar);
        }
    }
    filled
}

fn fill_factor(panel: &Panel, factor: &mut [f64]) -> Vec<Finding> {
    let bars = panel.calendar().len();
    let mut log = FindingLog::default();
    for (index, name) in panel.instruments().iter().enumerate() {
        let factors = &mut factor[index * bars..(index + 1) * bars];
        let close = panel.series("close", index).unwrap_or_default();
        for bar in fill_factors(factors) {
            if close.get(bar).is_some_and(|close| !close.is_nan()) {
                let code = FindingCode::MissingFactor;
                log.note(code, Some("factor"), name, panel.calendar()[bar]);
            }
        }
    }
    log.into_findings()
}

fn scale_to_last(factor: &mut [f64], bars: usize) {
    for factors in factor.chunks_mut(bars.max(1)) {
        let last = factors.last().copied().unwrap_or(1.0);
        factors.iter_mut().for_each(|factor| *factor /= last);
    }
}

fn map_field(
    panel: Panel,
    name: &str,
    factor: &[f64],
    with: impl Fn(f64, f64) -> f64,
) -> Result<Panel, PanelError> {
    let Some(values) = panel.field(name) else {
        return Ok(panel);
    };
    let values = values.iter().zip(factor).map(|(&value, &factor)| with(value, factor)).collect();
    panel.with_field(name, values)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use chrono::NaiveDate;

    use super::*;
    use crate::calendar::business_days;
    use crate::panel::{PanelBuilder, PanelRow};

    fn panel(fields: &[&str], rows: &[&[f64]]) -> Panel {
        let days = business_days(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), rows.len());
        let mut builder = PanelBuilder::new(fields.iter().copied());
        for (time, values) in days.into_iter().zip(rows) {
            builder.push(PanelRow { instrument: "A", time, values }).unwrap();
        }
        builder.build().unwrap()
    }

    fn split() -> Panel {
        panel(
            &["close", "volume", "factor", "amount"],
            &[&[100.0, 10.0, 1.0, 7.0], &[51.0, 20.0, 2.0, 7.0], &[52.0, 20.0, 2.0, 7.0]],
        )
    }

    #[test]
    fn each_variant_follows_its_formula() {
        let cases = [
            (Adjustment::None, [100.0, 51.0, 52.0], [10.0, 20.0, 20.0]),
            (Adjustment::Backward, [100.0, 102.0, 104.0], [10.0, 10.0, 10.0]),
            (Adjustment::Forward, [50.0, 51.0, 52.0], [20.0, 20.0, 20.0]),
        ];
        for (variant, close, volume) in cases {
            let (adjusted, findings) = adjust(split(), variant).unwrap();
            assert_eq!(adjusted.series("close", 0).unwrap(), close, "{variant:?}");
            assert_eq!(adjusted.series("volume", 0).unwrap(), volume, "{variant:?}");
            assert_eq!(adjusted.series("amount", 0).unwrap(), [7.0; 3]);
            assert!(findings.is_empty());
        }
    }

    #[test]
    fn the_adjusted_close_serves_as_factor() {
        let panel = panel(&["close", "adj_close"], &[&[100.0, 50.0], &[50.0, 50.0]]);
        let (adjusted, _) = adjust(panel, Adjustment::Backward).unwrap();
        assert_eq!(adjusted.series("close", 0).unwrap(), [50.0, 50.0]);
    }

    #[test]
    fn a_missing_factor_is_filled_and_said() {
        let rows: &[&[f64]] = &[&[1.0, f64::NAN], &[1.0, 2.0], &[1.0, -1.0], &[1.0, 4.0]];
        let (adjusted, findings) =
            adjust(panel(&["close", "factor"], rows), Adjustment::Backward).unwrap();
        assert_eq!(adjusted.series("close", 0).unwrap(), [2.0, 2.0, 2.0, 4.0]);
        assert_eq!(findings[0].code, FindingCode::MissingFactor);
        assert_eq!(findings[0].count, 2);
    }

    #[test]
    fn no_factor_at_all_is_a_finding() {
        let (adjusted, findings) =
            adjust(panel(&["close"], &[&[1.0]]), Adjustment::Backward).unwrap();
        assert_eq!(adjusted.series("close", 0).unwrap(), [1.0]);
        assert_eq!(findings[0].code, FindingCode::NoAdjustmentFactor);
    }
}
