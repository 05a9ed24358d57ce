//! The 101 Formulaic Alphas against answers that `scripts/alpha101-fixtures.py` works out from the
//! paper's formulas, apart from the expressions tested here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{FeatureFrame, NamedExpr, alpha101, alpha101_sources, compute};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

type Table = Vec<Vec<Value>>;

fn document() -> Value {
    serde_json::from_str(include_str!("data/alpha101.json")).unwrap()
}

fn tables(document: &Value, part: &str) -> Vec<(String, Table)> {
    let tables = document[part].as_object().unwrap().iter();
    tables
        .map(|(name, table)| (name.clone(), serde_json::from_value(table.clone()).unwrap()))
        .collect()
}

fn time(bar: usize) -> NaiveDateTime {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + Days::new(bar as u64)).and_time(NaiveTime::MIN)
}

/// Bars without any value are not there: an instrument's days before its listing.
fn panel(fields: &[(String, Table)]) -> Panel {
    let mut builder = PanelBuilder::new(fields.iter().map(|(name, _)| name.clone()));
    let first = &fields[0].1;
    for (i, bars) in first.iter().enumerate() {
        for bar in 0..bars.len() {
            let value = |(_, table): &(String, Table)| table[i][bar].as_f64().unwrap_or(f64::NAN);
            let values: Vec<f64> = fields.iter().map(value).collect();
            if values.iter().any(|value| !value.is_nan()) {
                let instrument = format!("I{i:02}");
                let row = PanelRow { instrument: &instrument, time: time(bar), values: &values };
                builder.push(row).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

#[test]
fn there_are_101_and_each_has_its_number() {
    let names: Vec<String> = alpha101_sources().into_iter().map(|(name, _)| name).collect();
    let numbered: Vec<String> = (1..=101).map(|number| format!("alpha{number:03}")).collect();
    assert_eq!(names, numbered);
    for (name, source) in alpha101_sources() {
        assert!(!source.contains(['{', '}']), "{name}: {source}");
    }
}

#[test]
fn every_formula_is_read_and_none_looks_ahead() {
    for alpha in alpha101().unwrap() {
        assert_eq!(alpha.expr.look_ahead(), 0, "{}", alpha.name);
    }
}

#[test]
fn alphas_compute_what_the_paper_says() {
    let document = document();
    let panel = panel(&tables(&document, "fields"));
    let expected = tables(&document, "expected");
    assert_eq!(expected.len(), 70);
    let known = |alpha: &NamedExpr| expected.iter().any(|(name, _)| *name == alpha.name);
    let alphas: Vec<NamedExpr> = alpha101().unwrap().into_iter().filter(known).collect();
    assert_eq!(alphas.len(), expected.len());
    let frame = compute(&panel, &alphas, 2).unwrap();
    let bars = panel.calendar().len();

    let (mut compared, mut wrong) = (0, vec![]);
    for (index, alpha) in alphas.iter().enumerate() {
        let (_, table) = expected.iter().find(|(name, _)| *name == alpha.name).unwrap();
        for (i, theirs) in table.iter().enumerate() {
            let first = bars - theirs.len();
            let ours = last_bars(&frame, index, i, first..bars);
            // Ranks of values that are equal but for rounding are marked as noise.
            for (bar, (ours, theirs)) in ours.into_iter().zip(theirs).enumerate() {
                if theirs.as_str() == Some("noise") {
                    continue;
                }
                let theirs = theirs.as_f64().unwrap_or(f64::NAN);
                compared += 1;
                if !fits(f64::from(ours), theirs) {
                    let bar = first + bar;
                    wrong.push(format!(
                        "{}, I{i:02}, bar {bar}: {ours}, expected {theirs}",
                        alpha.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 30_000, "only {compared} values were compared");
}

fn last_bars(
    frame: &FeatureFrame,
    index: usize,
    instrument: usize,
    bars: std::ops::Range<usize>,
) -> Vec<f32> {
    let column = frame.column(index);
    bars.map(|bar| column[frame.cell(instrument, bar).unwrap()]).collect()
}

fn fits(ours: f64, theirs: f64) -> bool {
    (ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-4 * theirs.abs() + 1e-6
}
