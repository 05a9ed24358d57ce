use thiserror::Error;

use crate::finding::{Finding, FindingCode, FindingLog};
use crate::panel::{Panel, PanelError};

/// Why a panel cannot be used.
#[derive(Debug, Error, PartialEq)]
pub enum ColumnError {
    #[error("column {column} is missing; found: {}", found.join(", "))]
    Missing { column: String, found: Vec<String> },
    #[error(transparent)]
    Panel(#[from] PanelError),
}

/// Applies the rules for missing columns; calling it twice changes nothing more.
///
/// - `open`, `high`, `low`, `close` missing: refused by name.
/// - `vwap` missing: `amount / volume` when both are there, and the typical price
///   `(high + low + close) / 3` for bars without volume; else the typical price throughout.
///   Either way with a finding.
/// - `volume` missing: a finding; factors that use `$volume` are left out by whoever reads it.
pub fn complete_columns(panel: Panel) -> Result<(Panel, Vec<Finding>), ColumnError> {
    for column in ["close", "open", "high", "low"] {
        if panel.field(column).is_none() {
            let found = panel.field_names().map(str::to_owned).collect();
            return Err(ColumnError::Missing { column: column.to_owned(), found });
        }
    }
    let mut log = FindingLog::default();
    if panel.field("volume").is_none() {
        let message = "column volume is missing: factors that use $volume are left out";
        log.push(Finding::whole(FindingCode::MissingColumn, Some("volume"), message));
    }
    if panel.field("vwap").is_some() {
        return Ok((panel, log.into_findings()));
    }
    let values = derive_vwap(&panel, &mut log);
    Ok((panel.with_field("vwap", values)?, log.into_findings()))
}

fn derive_vwap(panel: &Panel, log: &mut FindingLog) -> Vec<f64> {
    let field = |name: &str| panel.field(name).unwrap_or_default();
    let typical = field("high").iter().zip(field("low")).zip(field("close"));
    let mut vwap: Vec<f64> =
        typical.map(|((high, low), close)| (high + low + close) / 3.0).collect();
    let (Some(amount), Some(volume)) = (panel.field("amount"), panel.field("volume")) else {
        let message =
            "column vwap is missing: the typical price (high + low + close) / 3 stands in";
        log.push(Finding::whole(FindingCode::DerivedColumn, Some("vwap"), message));
        return vwap;
    };
    let message = "column vwap is missing: amount / volume";
    log.push(Finding::whole(FindingCode::DerivedColumn, Some("vwap"), message));
    let bars = panel.calendar().len();
    for (cell, value) in vwap.iter_mut().enumerate() {
        let ratio = amount[cell] / volume[cell];
        if volume[cell] > 0.0 && ratio.is_finite() && ratio > 0.0 {
            *value = ratio;
        } else if !value.is_nan() {
            let instrument = &panel.instruments()[cell / bars];
            let time = panel.calendar()[cell % bars];
            log.note(FindingCode::MissingValues, Some("vwap"), instrument, time);
        }
    }
    vwap
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use chrono::NaiveDate;

    use super::*;
    use crate::panel::{PanelBuilder, PanelRow};

    fn panel(fields: &[&str], values: &[f64]) -> Panel {
        let time = NaiveDate::from_ymd_opt(2024, 1, 2).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let mut builder = PanelBuilder::new(fields.iter().copied());
        builder.push(PanelRow { instrument: "A", time, values }).unwrap();
        builder.build().unwrap()
    }

    #[test]
    fn vwap_is_derived_by_rule() {
        let ohlc = ["open", "high", "low", "close"];
        let plain = panel(&ohlc, &[1.0, 3.0, 1.0, 2.0]);
        let (plain, findings) = complete_columns(plain).unwrap();
        assert_eq!(plain.field("vwap").unwrap(), [2.0]);
        let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [FindingCode::MissingColumn, FindingCode::DerivedColumn]);

        let fields = ["open", "high", "low", "close", "volume", "amount"];
        let (traded, _) =
            complete_columns(panel(&fields, &[1.0, 3.0, 1.0, 2.0, 4.0, 6.0])).unwrap();
        assert_eq!(traded.field("vwap").unwrap(), [1.5]);
        let (idle, findings) =
            complete_columns(panel(&fields, &[1.0, 3.0, 1.0, 2.0, 0.0, 0.0])).unwrap();
        assert_eq!(idle.field("vwap").unwrap(), [2.0]);
        assert!(findings.iter().any(|finding| finding.code == FindingCode::MissingValues));
        assert_eq!(complete_columns(idle.clone()).unwrap(), (idle, vec![]));
    }

    #[test]
    fn a_missing_price_is_refused_by_name() {
        let refused = complete_columns(panel(&["open", "high", "low"], &[1.0; 3])).unwrap_err();
        assert_eq!(refused.to_string(), "column close is missing; found: high, low, open");
    }
}
