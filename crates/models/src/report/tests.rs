#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_testkit::page::check_tags;
use chrono::{DateTime, Days, NaiveDate};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{FeatureImportance, History};

pub(super) const HOSTILE: &str = "<script>alert('x')</script>\"&' --><svg onload=\"x\">\u{0}\u{7}";

fn day(at: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2017, 1, 2).unwrap() + Days::new(at)
}

/// A report whose every text is `text`.
fn report(text: &str, rounds: u32, days: u64) -> TrainingReport {
    let mut history = History::default();
    for round in 1..=rounds {
        let x = f64::from(round);
        history.push("train_l2", round, 1.0 / x);
        history.push("valid_l2", round, 0.5 + (x - 20.0).abs() / 100.0);
        history.push(text, round, if round % 5 == 0 { f64::NAN } else { x.sin() });
    }
    let wave = |at: u64| 0.05 + (at as f64 * 0.7).sin() / 20.0;
    TrainingReport {
        schema_version: REPORT_SCHEMA_VERSION,
        session: text.into(),
        created_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        duration_s: 83.4,
        dataset: DatasetSummary {
            name: text.into(),
            version: text.into(),
            instruments: 505,
            rows: 1_234_567,
            start: day(0),
            end: day(days),
        },
        configuration: json!({"model": {text: text, "list": [1, 2], "none": null}, "deep": [{"a": text}]}),
        segments: vec![SegmentSummary {
            name: text.into(),
            start: day(0),
            end: day(9),
            rows: 1_000,
        }],
        label: text.into(),
        model: ModelSummary {
            kind: text.into(),
            rounds,
            best_round: rounds / 2,
            features: 158,
            sha256: text.into(),
        },
        metrics: FinalMetrics::new(FinalValues {
            ic: Some(0.0476),
            mse: Some(f64::NAN),
            accuracy: Some(-1.5e-7),
            ..FinalValues::default()
        }),
        history,
        feature_importance: (0..30)
            .map(|at| FeatureImportance {
                name: format!("{text}{at}"),
                split: if at < 25 { 30 - at } else { 0 },
                gain: 1e6 / (at + 1) as f64,
            })
            .collect(),
        ic_series: (0..days)
            .map(|at| IcPoint {
                datetime: day(at).into(),
                ic: (at % 7 != 0).then(|| wave(at)),
                rank_ic: Some(wave(at + 3)),
            })
            .collect(),
        findings: vec![Finding { severity: text.into(), code: text.into(), message: text.into() }],
        environment: Environment { build: text.into(), threads: 2, seed: None },
    }
}

#[test]
fn every_tag_is_closed_and_nothing_is_fetched() {
    let html = report("lightgbm", 60, 300).to_html();
    let tags = check_tags(&html).unwrap();
    assert!(tags.iter().filter(|tag| *tag == "svg").count() >= 5 + 24);
    for outside in ["http", "src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for shown in
        ["0.0476", "1,234,567", "prefers-color-scheme: dark", "best round 30", "1 min 23 s"]
    {
        assert!(html.contains(shown), "{shown}");
    }
    assert!(!html.contains("NaN") && !html.contains("inf"));
}

#[test]
fn hostile_names_stay_text() {
    let html = report(HOSTILE, 12, 40).to_html();
    let tags = check_tags(&html).unwrap();
    assert!(
        !html.contains("<script") && !html.contains("<svg onload") && !html.contains("alert('")
    );
    assert!(!tags.contains(&"script".to_owned()));
    assert!(!html.contains('\u{0}') && !html.contains('\u{7}'));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn a_report_with_next_to_nothing_is_a_page() {
    for (rounds, days) in [(0, 0), (1, 1), (2, 2)] {
        let mut report = report("linear", rounds, days);
        report.feature_importance.clear();
        report.findings.clear();
        report.segments.clear();
        let html = report.to_html();
        check_tags(&html).unwrap();
        assert!(!html.contains("NaN") && !html.contains("inf"), "{rounds}");
    }
}

#[test]
fn bars_within_a_day_stay_apart() {
    let mut report = report("linear", 1, 60);
    for (at, point) in report.ic_series.iter_mut().enumerate() {
        point.datetime = day(0).and_hms_opt(9, at as u32, 0).unwrap();
    }
    let html = report.to_html();
    assert!(html.contains("2017-01-02 09:00") && html.contains("2017-01-02 09:59"));
    assert!(html.contains("mean of the last 20 bars") && !html.contains("Daily"));
    let bars = html.split("class=\"bars\"").nth(1).unwrap();
    let path = bars.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    let places: std::collections::BTreeSet<&str> = path
        .split('M')
        .filter_map(|part| part.split(' ').next())
        .filter(|x| !x.is_empty())
        .collect();
    let known = report.ic_series.iter().filter(|point| point.ic.is_some()).count();
    assert_eq!(places.len(), known);
    let json = serde_json::to_value(report.ic_series[1]).unwrap();
    assert_eq!(json["datetime"], "2017-01-02T09:01:00");
}

#[test]
fn figures_have_four_places_and_a_linear_model_no_seed_of_lightgbm() {
    let mut trees = report("lightgbm", 3, 3);
    trees.metrics.mse.value = Some(8.223e-4);
    let html = trees.to_html();
    assert!(html.contains("<dt>MSE</dt><dd>0.0008</dd>") && html.contains("8.22e−4"));
    assert!(html.contains("<dt>Accuracy</dt><dd>0.0000</dd>"));
    assert!(html.contains("seed of LightGBM"));
    let html = report("linear", 1, 3).to_html();
    assert!(html.contains("seed –") && !html.contains("LightGBM"));
}

#[test]
fn json_round_trip() {
    let report = report("lightgbm", 12, 30);
    let json = report.to_json().unwrap();
    assert_eq!(serde_json::from_str::<TrainingReport>(&json).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["model"]["type"], "lightgbm");
    assert_eq!(value["metrics"]["mse"]["value"], serde_json::Value::Null);
    assert!(value["metrics"]["ic"]["convention"].as_str().unwrap().contains("raw label"));
    assert!(value["metrics"]["mse"]["convention"].as_str().unwrap().contains("the model saw"));
    assert_eq!(value["history"][0]["name"], "train_l2");
    assert_eq!(value["history"][0]["points"][1], json!([2, 0.5]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_text_leaves_the_page_whole(text in ".{0,40}", rounds in 0u32..40, days in 0u64..60) {
        let html = report(&text, rounds, days).to_html();
        let tags = check_tags(&html).map_err(TestCaseError::fail)?;
        let plain = check_tags(&report("x", rounds, days).to_html()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(tags, plain);
    }
}
