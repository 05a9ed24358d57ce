//! Factor effectiveness against pandas, scipy, statsmodels and alphalens-reloaded: see
//! `scripts/effectiveness-fixtures.py`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use alphafleet_factors::{
    EffectivenessOptions, EffectivenessReport, Members, NamedExpr, NamedUniverse, evaluate,
};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{NaiveDate, NaiveTime};
use serde_json::Value;

const TOLERANCE: f64 = 1e-9;
/// Curves are in single precision.
const CURVE_TOLERANCE: f64 = 2e-6;
/// alphalens takes returns in double precision, Qlib in single.
const ALPHALENS_TOLERANCE: f64 = 1e-6;

fn fixture(market: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/effectiveness.json");
    let text = std::fs::read_to_string(file).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()[market].take()
}

fn panel(market: &Value) -> Panel {
    let fields = market["fields"].as_array().unwrap();
    let mut builder = PanelBuilder::new(fields.iter().map(|field| field.as_str().unwrap()));
    for row in market["rows"].as_array().unwrap() {
        let row = row.as_array().unwrap();
        let date: NaiveDate = row[1].as_str().unwrap().parse().unwrap();
        let values: Vec<f64> =
            row[2..].iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect();
        let instrument = row[0].as_str().unwrap();
        let time = date.and_time(NaiveTime::MIN);
        builder.push(PanelRow { instrument, time, values: &values }).unwrap();
    }
    builder.build().unwrap()
}

fn judged(market: &Value, options: EffectivenessOptions) -> EffectivenessReport {
    let name = |factor: &Value| factor["name"].as_str().unwrap().to_owned();
    let names = market["factors"].as_array().unwrap().iter().map(name);
    let factors: Vec<NamedExpr> =
        names.map(|name| NamedExpr::parse(&name, &format!("${name}")).unwrap()).collect();
    let options = EffectivenessOptions {
        horizons: serde_json::from_value(market["horizons"].clone()).unwrap(),
        quantiles: serde_json::from_value(market["quantiles"].clone()).unwrap(),
        ..options
    };
    evaluate(&panel(market), &factors, &options, 2).unwrap()
}

/// Walks what is expected; counts the numbers compared.
fn compare(path: &str, found: &Value, expected: &Value, tolerance: f64, seen: &mut usize) {
    match expected {
        Value::Object(fields) => {
            for (name, expected) in fields {
                let tolerance = if name == "curves" { CURVE_TOLERANCE } else { tolerance };
                compare(&format!("{path}.{name}"), &found[name], expected, tolerance, seen);
            }
        }
        Value::Array(items) => {
            assert_eq!(found.as_array().map(Vec::len), Some(items.len()), "{path}");
            for (at, expected) in items.iter().enumerate() {
                compare(&format!("{path}[{at}]"), &found[at], expected, tolerance, seen);
            }
        }
        Value::Number(expected) => {
            *seen += 1;
            let expected = expected.as_f64().unwrap();
            let found = found.as_f64().unwrap_or_else(|| panic!("{path}: {found} is no number"));
            let room = tolerance * expected.abs().max(1.0);
            assert!((found - expected).abs() <= room, "{path}: {found} is not {expected}");
        }
        other => assert_eq!(found, other, "{path}"),
    }
}

#[test]
fn figures_are_those_of_pandas_and_statsmodels() {
    let market = fixture("gaps");
    let half =
        NamedUniverse { name: "half".to_owned(), members: Members::Field("half".to_owned()) };
    let report = judged(
        &market,
        EffectivenessOptions {
            universes: vec![half],
            group_field: Some("sector".to_owned()),
            ..EffectivenessOptions::default()
        },
    );
    assert_eq!(report.years, ["2020", "2021"]);
    let found = serde_json::to_value(&report).unwrap();
    let mut seen = 0;
    compare("factors", &found["factors"], &market["factors"], TOLERANCE, &mut seen);
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn figures_are_those_of_alphalens() {
    let market = fixture("complete");
    let report = judged(&market, EffectivenessOptions::default());
    let found = serde_json::to_value(&report).unwrap();
    let mut seen = 0;
    compare("factors", &found["factors"], &market["factors"], ALPHALENS_TOLERANCE, &mut seen);
    assert!(seen > 25, "{seen}");
}
