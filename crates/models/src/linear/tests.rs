#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use smartcore::linear::ridge_regression::{RidgeRegression, RidgeRegressionParameters};

use super::*;

struct Sample {
    features: Vec<f32>,
    label: Vec<f32>,
    names: Vec<String>,
}

impl Sample {
    fn new(seed: u64, rows: usize, columns: usize) -> Self {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_889);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let features: Vec<f32> = (0..rows * columns)
            .map(|at| next() * (1 + at / rows) as f32 + (at / rows) as f32)
            .collect();
        let label = (0..rows)
            .map(|row| {
                let sum: f32 = (0..columns).map(|at| features[at * rows + row]).sum();
                sum + 0.3 * next()
            })
            .collect();
        let names = (0..columns).map(|at| format!("f{at}")).collect();
        Self { features, label, names }
    }

    fn design(&self) -> Design<'_> {
        let (rows, columns) = (self.label.len(), self.names.len());
        Design { features: &self.features, rows, columns, names: &self.names, label: &self.label }
    }
}

fn ridge(alpha: f64) -> LinearParams {
    LinearParams { estimator: Estimator::Ridge, alpha }
}

const OLS: LinearParams = LinearParams { estimator: Estimator::Ols, alpha: 1.0 };

/// The normal equations as they stand in a book: standardise, build, eliminate with pivots.
#[allow(clippy::needless_range_loop)] // with indices, as there
fn reference(design: &Design<'_>, alpha: f64) -> (f64, Vec<f64>) {
    let (rows, columns) = (design.rows, design.columns);
    let x = |row: usize, at: usize| f64::from(design.features[at * rows + row]);
    let y = |row: usize| f64::from(design.label[row]);
    let n = rows as f64;
    let mean = (0..rows).map(y).sum::<f64>() / n;
    let means: Vec<f64> =
        (0..columns).map(|at| (0..rows).map(|row| x(row, at)).sum::<f64>() / n).collect();
    let deviations: Vec<f64> = (0..columns)
        .map(|at| ((0..rows).map(|row| (x(row, at) - means[at]).powi(2)).sum::<f64>() / n).sqrt())
        .collect();
    let z = |row: usize, at: usize| (x(row, at) - means[at]) / deviations[at];
    let mut system = vec![vec![0.0; columns + 1]; columns];
    for a in 0..columns {
        for b in 0..columns {
            system[a][b] = (0..rows).map(|row| z(row, a) * z(row, b)).sum::<f64>();
        }
        system[a][a] += alpha;
        system[a][columns] = (0..rows).map(|row| z(row, a) * (y(row) - mean)).sum::<f64>();
    }
    for at in 0..columns {
        let pivot =
            (at..columns).max_by(|a, b| system[*a][at].abs().total_cmp(&system[*b][at].abs()));
        system.swap(at, pivot.unwrap());
        for other in 0..columns {
            if other != at {
                let factor = system[other][at] / system[at][at];
                for column in at..=columns {
                    system[other][column] -= factor * system[at][column];
                }
            }
        }
    }
    let coefficients: Vec<f64> =
        (0..columns).map(|at| system[at][columns] / system[at][at] / deviations[at]).collect();
    let shift: f64 = coefficients.iter().zip(&means).map(|(c, m)| c * m).sum();
    (mean - shift, coefficients)
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-8 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn equals_the_normal_equations(
        seed in 0u64..10_000, rows in 20usize..200, columns in 1usize..8, alpha in 0.0f64..100.0,
    ) {
        let sample = Sample::new(seed, rows, columns);
        for (params, alpha) in [(ridge(alpha), alpha), (OLS, 0.0), (ridge(0.0), 0.0)] {
            let model = fit_linear(&sample.design(), &params).unwrap();
            let (intercept, coefficients) = reference(&sample.design(), alpha);
            prop_assert!(close(model.intercept, intercept), "{model:?} {intercept}");
            for (found, wanted) in model.coefficients.iter().zip(&coefficients) {
                prop_assert!(close(*found, *wanted), "{model:?} {coefficients:?}");
            }
        }
    }
}

#[test]
fn equals_smartcores_own_ridge_over_several_blocks() {
    let sample = Sample::new(5, 2 * BLOCK_ROWS + 77, 6);
    let design = sample.design();
    let model = fit_linear(&design, &ridge(3.5)).unwrap();
    let values: Vec<f64> = sample.features.iter().map(|x| f64::from(*x)).collect();
    let x = DenseMatrix::new(design.rows, 6, values, true).unwrap();
    let y: Vec<f64> = sample.label.iter().map(|y| f64::from(*y)).collect();
    let theirs =
        RidgeRegression::fit(&x, &y, RidgeRegressionParameters::default().with_alpha(3.5)).unwrap();
    assert!(close(model.intercept, *theirs.intercept()));
    for (at, coefficient) in model.coefficients.iter().enumerate() {
        assert!(close(*coefficient, *theirs.coefficients().get((at, 0))));
    }
    let scores = model.predict(&design.features()).unwrap();
    let wanted: Vec<f64> = theirs.predict(&x).unwrap();
    assert!(scores.iter().zip(&wanted).all(|(a, b)| close(*a, *b)));
}

#[test]
fn a_missing_value_is_refused_by_its_column() {
    let mut sample = Sample::new(1, 50, 3);
    sample.features[50 + 7] = f32::NAN;
    sample.features[50 + 9] = f32::INFINITY;
    let error = fit_linear(&sample.design(), &ridge(1.0)).unwrap_err();
    assert!(matches!(&error, ModelError::Missing { column, row: 7, count: 2 } if column == "f1"));
    assert!(error.to_string().contains("\"f1\""));
    let model = LinearModel { intercept: 0.0, coefficients: vec![1.0; 3] };
    assert!(model.predict(&sample.design().features()).is_err());
}

#[test]
fn constant_and_dependent_features_do_no_harm() {
    let mut sample = Sample::new(2, 100, 4);
    sample.features[..100].fill(0.1);
    let (second, third) = sample.features[100..300].split_at_mut(100);
    third.copy_from_slice(second);
    for params in [ridge(1.0), OLS] {
        let model = fit_linear(&sample.design(), &params).unwrap();
        assert_eq!(model.coefficients[0], 0.0);
        let twins = (model.coefficients[1], model.coefficients[2]);
        assert!((twins.0 - twins.1).abs() < 1e-6, "{twins:?}");
        let scores = model.predict(&sample.design().features()).unwrap();
        assert!(crate::mse(&scores, &sample.label).unwrap().is_finite());
    }
}

#[test]
fn impossible_fits_are_refused() {
    let sample = Sample::new(3, 4, 4);
    let error = fit_linear(&sample.design(), &ridge(1.0)).unwrap_err();
    assert!(matches!(error, ModelError::TooFewRows { rows: 4, needed: 5, .. }));
    let sample = Sample::new(3, 40, 4);
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        let error = fit_linear(&sample.design(), &ridge(alpha)).unwrap_err();
        assert!(matches!(error, ModelError::Parameter { name: "alpha", .. }));
    }
}
