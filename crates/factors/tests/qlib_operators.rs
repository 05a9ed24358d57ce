//! Every operator against pyqlib 0.9.7's own, over a table of series: holes, constant stretches,
//! zeros, ties, infinities, outliers, short histories. `scripts/qlib-fixtures.py` makes the table.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{NamedExpr, compute};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{Days, NaiveDate, NaiveTime};
use serde_json::{Map, Value};

fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("inf") => f64::INFINITY,
        Some("-inf") => f64::NEG_INFINITY,
        Some(other) => panic!("{other} is no number"),
        None => value.as_f64().unwrap_or(f64::NAN),
    }
}

fn panel(fields: &Map<String, Value>) -> Panel {
    let numbers = |values: &Value| values.as_array().unwrap().iter().map(number).collect();
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

/// What was compared, and each deviation in words.
#[derive(Default)]
struct Outcome {
    compared: usize,
    wrong: Vec<String>,
}

impl Outcome {
    fn of(list: &str) -> Self {
        let table: Value = serde_json::from_str(include_str!("data/qlib_operators.json")).unwrap();
        let mut outcome = Self::default();
        for case in table["cases"].as_array().unwrap() {
            let panel = panel(case["fields"].as_object().unwrap());
            let name = case["name"].as_str().unwrap();
            outcome.case(name, &panel, case[list].as_object().unwrap());
        }
        outcome
    }

    fn case(&mut self, name: &str, panel: &Panel, expected: &Map<String, Value>) {
        let mut read = Vec::with_capacity(expected.len());
        for (source, values) in expected {
            match NamedExpr::parse(source, source) {
                Ok(expr) => read.push((expr, values)),
                Err(error) => self.wrong.push(format!("{source}: refused: {error:?}")),
            }
        }
        if read.is_empty() {
            return;
        }
        let exprs: Vec<NamedExpr> = read.iter().map(|(expr, _)| expr.clone()).collect();
        let frame = compute(panel, &exprs, 1).unwrap();
        for (index, (expr, values)) in read.iter().enumerate() {
            let values = values.as_array().unwrap();
            assert_eq!(values.len(), frame.column(index).len());
            self.column(&format!("{}, {name}", expr.name), frame.column(index), values);
        }
    }

    /// A bar marked as noise is one where pyqlib's answer depends on how much history it saw.
    fn column(&mut self, label: &str, ours: &[f32], theirs: &[Value]) {
        for (bar, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            if theirs.as_str() == Some("noise") {
                continue;
            }
            let (ours, theirs) = (f64::from(*ours), number(theirs));
            self.compared += 1;
            if !fits(ours, theirs, rounding_of(label)) {
                self.wrong.push(format!("{label}, bar {bar}: {ours}, expected {theirs}"));
            }
        }
    }

    fn check(self, least: usize) {
        let Self { compared, wrong } = self;
        assert!(wrong.is_empty(), "{} of {compared} wrong\n{}", wrong.len(), wrong.join("\n"));
        assert!(compared >= least, "only {compared} values were compared");
    }
}

/// pandas takes a covariance as the difference of two means: of prices near 1e5 that move little,
/// the digits that cancel are more than single precision has.
fn rounding_of(label: &str) -> f64 {
    let cancels = label.starts_with("Corr(") && label.ends_with("small moves of large prices");
    if cancels { 2e-7 } else { 1e-9 }
}

fn fits(ours: f64, theirs: f64, rounding: f64) -> bool {
    if theirs.is_nan() || theirs.is_infinite() {
        return ours.to_bits() == theirs.to_bits() || (ours.is_nan() && theirs.is_nan());
    }
    (ours - theirs).abs() <= 2e-6 * theirs.abs() + rounding
}

#[test]
fn operators_compute_what_qlib_computes() {
    Outcome::of("expected").check(200_000);
}

#[test]

fn fractional_windows_are_exponential_means_as_in_qlib() {
    Outcome::of("fractional").check(20_000);
}
