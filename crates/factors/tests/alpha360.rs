//! Alpha360's names and expressions against pyqlib 0.9.7's own list, which
//! `scripts/qlib-fixtures.py` writes down.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_factors::{alpha360, alpha360_sources};

#[derive(serde::Deserialize)]
struct Listed {
    features: Vec<(String, String)>,
}

#[test]
fn names_and_expressions_are_qlibs() {
    let listed: Listed = serde_json::from_str(include_str!("data/qlib_alpha360.json")).unwrap();
    assert_eq!(listed.features.len(), 360);
    assert_eq!(alpha360_sources(), listed.features);
}

#[test]
fn every_expression_is_read_and_looks_back_59_bars_at_most() {
    let features = alpha360().unwrap();
    assert_eq!(features.len(), 360);
    for feature in features {
        assert_eq!(feature.expr.look_ahead(), 0, "{}", feature.name);
        assert!(feature.expr.look_back().unwrap() <= 59, "{}", feature.name);
    }
}
