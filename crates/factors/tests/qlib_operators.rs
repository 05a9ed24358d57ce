//! Every operator against pyqlib 0.9.7's own, on series with holes, zeros, infinities, constant
//! stretches and outliers.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{NamedExpr, compute};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{Days, NaiveDate, NaiveTime};
use serde_json::{Map, Value};

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        _ => value.as_f64().unwrap_or(f64::NAN),
    }
}

fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(number).collect()
}

fn panel(fields: &Map<String, Value>) -> Panel {
    let columns: Vec<Vec<f64>> = fields.values().map(numbers).collect();
    let mut builder = PanelBuilder::new(fields.keys().cloned());
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    for bar in 0..columns[0].len() {
        let time = (first + Days::new(bar as u64)).and_time(NaiveTime::MIN);
        let values: Vec<f64> = columns.iter().map(|column| column[bar]).collect();
        builder.push(PanelRow { instrument: "X", time, values: &values }).unwrap();
    }
    builder.build().unwrap()
}

#[test]
fn operators_compute_what_qlib_computes() {
    let document: Value = serde_json::from_str(include_str!("data/qlib_operators.json")).unwrap();
    let panel = panel(document["fields"].as_object().unwrap());
    let expected = document["expected"].as_object().unwrap();
    let exprs: Vec<NamedExpr> =
        expected.keys().map(|source| NamedExpr::parse(source, source).unwrap()).collect();
    assert!(exprs.len() > 300);
    let frame = compute(&panel, &exprs, 1).unwrap();
    let mut wrong = vec![];
    for (index, (source, values)) in expected.iter().enumerate() {
        for (bar, theirs) in numbers(values).into_iter().enumerate() {
            let ours = f64::from(frame.column(index)[bar]);
            if !fits(ours, theirs) {
                wrong.push(format!("{source} bar {bar}: {ours}, expected {theirs}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

fn fits(ours: f64, theirs: f64) -> bool {
    if theirs.is_nan() || theirs.is_infinite() {
        return ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan());
    }
    (ours - theirs).abs() <= 2e-6 * theirs.abs() + 1e-9
}
