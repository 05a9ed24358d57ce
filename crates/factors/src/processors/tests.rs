#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{FittedPipeline, Phase, Processor, Target};
use crate::matrix::{Matrix, Row};

const NAN: f32 = f32::NAN;

/// One feature and a label, given bar by bar.
fn matrix(bars: &[&[(f32, f32)]]) -> Matrix {
    let mut matrix = Matrix { feature_names: vec!["x".into()], ..Matrix::default() };
    let mut features = Vec::new();
    for (bar, section) in bars.iter().enumerate() {
        for (instrument, (feature, label)) in section.iter().enumerate() {
            matrix.rows.push(Row { bar: bar as u32, instrument: instrument as u32 });
            features.push(*feature);
            matrix.label_raw.push(*label);
            matrix.label.push(*label);
        }
    }
    matrix.features = features.into();
    matrix
}

fn near(ours: &[f32], expected: &[f32]) {
    assert_eq!(ours.len(), expected.len());
    for (a, b) in ours.iter().zip(expected) {
        let fits = (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-5;
        assert!(fits, "{ours:?}, expected {expected:?}");
    }
}

fn fitted(processor: Processor, train: &mut Matrix) -> FittedPipeline {
    FittedPipeline::fit(&[processor], train).unwrap()
}

#[test]
fn labels_are_scored_within_their_bar() {
    let mut m = matrix(&[
        &[(0.0, 1.0), (0.0, 2.0), (0.0, 6.0), (0.0, NAN)],
        &[(0.0, 5.0)],
        &[(0.0, 0.1), (0.0, 0.1), (0.0, 0.1)],
    ]);
    fitted(Processor::CsZscoreNorm { on: Target::Label }, &mut m);
    // pandas: (x - mean) / std(ddof=1) of 1, 2, 6
    let expected = [-0.755_929, -0.377_964, 1.133_893, NAN, NAN, NAN, NAN, NAN];
    near(&m.label, &expected);
    near(&m.label_raw[..3], &[1.0, 2.0, 6.0]);
}

#[test]
fn features_are_ranked_within_their_bar() {
    let mut m = matrix(&[&[(3.0, 0.0), (1.0, 0.0), (1.0, 0.0), (NAN, 0.0), (9.0, 0.0)]]);
    fitted(Processor::CsRankNorm { on: Target::Features }, &mut m);
    near(&m.features, &[0.25 * 3.46, -0.125 * 3.46, -0.125 * 3.46, NAN, 0.5 * 3.46]);
    fitted(Processor::CsZfillna { on: Target::Features }, &mut m);
    near(&m.features[3..4], &[0.125 * 3.46]);
}

#[test]
fn robust_scores_come_from_training_rows_alone() {
    let mut train = matrix(&[&[(1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (100.0, 0.0), (NAN, 0.0)]]);
    let pipeline = fitted(Processor::RobustZscoreNorm { clip_outlier: true }, &mut train);
    // median 2.5, median absolute deviation 1 (of 1.5, 0.5, 0.5, 97.5)
    near(&train.features, &[-1.5 / 1.4826, -0.5 / 1.4826, 0.5 / 1.4826, 3.0, NAN]);
    let mut test = matrix(&[&[(4.5, 0.0), (-50.0, 0.0)]]);
    pipeline.apply(&mut test, Phase::Infer).unwrap();
    near(&test.features, &[2.0 / 1.4826, -3.0]);
}

#[test]
fn plain_scores_leave_constant_columns() {
    let mut m = matrix(&[&[(1.0, 0.0), (3.0, 0.0), (NAN, 0.0)]]);
    fitted(Processor::ZscoreNorm, &mut m);
    near(&m.features, &[-1.0, 1.0, NAN]);
    for processor in [Processor::ZscoreNorm, Processor::MinMaxNorm] {
        let mut constant = matrix(&[&[(7.0, 0.0), (7.0, 0.0)]]);
        fitted(processor, &mut constant);
        near(&constant.features, &[7.0, 7.0]);
    }
    let mut m = matrix(&[&[(2.0, 0.0), (6.0, 0.0), (3.0, 0.0)]]);
    fitted(Processor::MinMaxNorm, &mut m);
    near(&m.features, &[0.0, 1.0, 0.25]);
}

#[test]
fn rows_without_label_are_dropped_for_learning_only() {
    let bars: &[&[(f32, f32)]] = &[&[(1.0, NAN), (2.0, 1.0)], &[(3.0, NAN)]];
    let mut train = matrix(bars);
    let pipeline = fitted(Processor::DropnaLabel, &mut train);
    assert_eq!(train.rows, [Row { bar: 0, instrument: 1 }]);
    near(&train.features, &[2.0]);
    let mut infer = matrix(bars);
    pipeline.apply(&mut infer, Phase::Infer).unwrap();
    assert_eq!(infer.len(), 3);
    assert_eq!(infer.cross_sections(), [0..2, 2..3]);
}

#[test]
fn a_fitted_pipeline_travels_as_json() {
    let steps = [
        Processor::DropnaLabel,
        Processor::RobustZscoreNorm { clip_outlier: false },
        Processor::Fillna { value: 0.5 },
    ];
    let mut train = matrix(&[&[(1.0, 1.0), (2.0, NAN), (4.0, 0.0), (NAN, 1.0)]]);
    let pipeline = FittedPipeline::fit(&steps, &mut train).unwrap();
    let json = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<FittedPipeline>(&json).unwrap(), pipeline);
    near(&train.features[2..], &[0.5]);
    let mut empty = matrix(&[]);
    let error = FittedPipeline::fit(&steps, &mut empty).unwrap_err();
    assert_eq!(error.code(), "nothing_to_fit");
    let mut wider = Matrix { feature_names: vec![], ..Matrix::default() };
    assert_eq!(pipeline.apply(&mut wider, Phase::Infer).unwrap_err().code(), "column_mismatch");
}

#[test]
fn configuration_is_tagged_and_strict() {
    let read = |json: &str| serde_json::from_str::<Vec<Processor>>(json);
    let text = r#"[{"kind":"dropna_label"},{"kind":"cs_zscore_norm","on":"features"},
        {"kind":"cs_rank_norm"},{"kind":"robust_zscore_norm"},{"kind":"zscore_norm"},
        {"kind":"min_max_norm"},{"kind":"cs_zfillna"},{"kind":"fillna","value":0.0}]"#;
    for processor in read(text).unwrap() {
        let json = serde_json::to_value(&processor).unwrap();
        assert_eq!(json["kind"], processor.name());
    }
    assert!(read(r#"[{"kind":"fillna","valeu":0.0}]"#).is_err());
    assert!(read(r#"[{"kind":"magic"}]"#).is_err());
}
