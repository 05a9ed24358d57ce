#![allow(clippy::unwrap_used, clippy::expect_used)]
use alphafleet_factors::Row;

use super::*;

/// Two features over three rows; NaN where the value is `None`.
fn matrix(features: [[f32; 3]; 2], label: [f32; 3]) -> Matrix {
    Matrix {
        rows: (0..3).map(|instrument| Row { bar: 0, instrument }).collect(),
        feature_names: vec!["A".to_owned(), "B".to_owned()],
        features: features.concat().into(),
        label_raw: label.to_vec(),
        label: label.to_vec(),
    }
}

const GONE: f32 = f32::NAN;

#[test]
fn an_infinite_label_counts_as_missing() {
    let mut matrix = matrix([[0.0; 3]; 2], [1.0, f32::INFINITY, GONE]);
    assert_eq!(clear_infinite(&mut matrix), 1);
    assert!(matrix.label[1].is_nan() && matrix.label_raw[1].is_nan());
    let mut findings = Vec::new();
    let refused = keep_labelled("train", &mut matrix, &mut findings).unwrap_err();
    assert_eq!(refused.code(), "too_few_rows");
    assert_eq!(findings[0].code, "rows_without_label");
}

#[test]
fn an_empty_feature_is_never_silent() {
    let mut findings = Vec::new();
    let fresh = || matrix([[1.0, 2.0, 3.0], [GONE, f32::INFINITY, GONE]], [1.0; 3]);
    let (mut train, mut valid, mut test) = (fresh(), fresh(), fresh());
    let mut all = [&mut train, &mut valid, &mut test];

    let own = HashSet::from(["B".to_owned()]);
    let refused = drop_empty(&mut all, &own, &mut findings).unwrap_err();
    assert!(matches!(&refused, TrainError::EmptyFeatures { names } if names == &["B"]));
    assert_eq!(refused.blame(), crate::Blame::Specification);

    drop_empty(&mut all, &HashSet::new(), &mut findings).unwrap();
    assert_eq!(findings[0].code, "empty_features");
    for matrix in [train, valid, test] {
        assert_eq!(matrix.feature_names, ["A"]);
        assert_eq!(matrix.features[..], [1.0, 2.0, 3.0]);
    }
}

#[test]
fn the_tests_features_and_rows_stay() {
    let processors = [Processor::DropnaLabel, Processor::CsZscoreNorm { on: Target::Label }];
    let mut train = matrix([[1.0, 2.0, 3.0]; 2], [1.0, 2.0, 3.0]);
    let learn = FittedPipeline::fit(&processors, &mut train).unwrap();
    let mut test = matrix([[1.0, 2.0, 3.0]; 2], [10.0, GONE, 30.0]);
    let before = test.clone();
    label_only(&learn, &mut test).unwrap();
    assert_eq!((test.features, test.rows), (before.features, before.rows));
    assert_eq!(test.label_raw[0], 10.0);
    assert!(test.label[1].is_nan());
    let half = 0.5f32.sqrt();
    assert!((test.label[0] + half).abs() < 1e-6 && (test.label[2] - half).abs() < 1e-6);
}
