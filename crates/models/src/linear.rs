use alphafleet_specs::{Estimator, LinearParams};
use serde::{Deserialize, Serialize};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linalg::traits::cholesky::CholeskyDecomposable;
use smartcore::linalg::traits::svd::SVDDecomposable;

use crate::design::same;
use crate::{Design, Features, ModelError};

/// Rows of one step when the products of columns are summed: two columns' parts stay in cache.
const BLOCK_ROWS: usize = 4_096;

/// `intercept + Σ coefficient · feature`, on the features' own scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearModel {
    pub intercept: f64,
    /// One a feature, in the order of the fit.
    pub coefficients: Vec<f64>,
}

/// Least squares in closed form, over features brought to mean 0 and standard deviation 1
/// (over n): it minimises `Σ(y - b - zw)² + alpha·‖w‖²`. The intercept is not penalised; a
/// constant feature gets the coefficient 0. This is smartcore's ridge with `normalize`, but the
/// normal equations are summed without a copy of the features.
///
/// `ridge` solves them by Cholesky; `ols` is `alpha = 0`, solved by singular values, which takes
/// the solution of least norm where features depend on each other.
///
/// # Errors
/// When a feature is missing or infinite anywhere (it names the column: the caller has to fill
/// it), a label is not finite, or there are fewer rows than features and intercept.
pub fn fit_linear(design: &Design<'_>, params: &LinearParams) -> Result<LinearModel, ModelError> {
    design.check("train")?;
    let features = design.features();
    refuse_missing(&features)?;
    if params.estimator == Estimator::Ridge && !(params.alpha.is_finite() && params.alpha >= 0.0) {
        let found = params.alpha.to_string();
        return Err(ModelError::Parameter { name: "alpha", wanted: "0 or more", found });
    }
    let (rows, columns) = (design.rows, design.columns);
    if rows < columns + 1 {
        return Err(ModelError::TooFewRows { rows, columns, needed: columns + 1 });
    }
    let scales: Vec<Scale> = (0..columns).map(|at| Scale::of(features.column(at))).collect();
    let used: Vec<usize> = (0..columns).filter(|at| scales[*at].deviation > 0.0).collect();
    let mean = design.label.iter().map(|y| f64::from(*y)).sum::<f64>() / rows as f64;
    let weights = solve(design, &scales, &used, mean, params)?;
    let mut coefficients = vec![0.0; columns];
    let mut intercept = mean;
    for (at, weight) in used.iter().zip(weights) {
        coefficients[*at] = weight / scales[*at].deviation;
        intercept -= coefficients[*at] * scales[*at].mean;
    }
    Ok(LinearModel { intercept, coefficients })
}

struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    fn of(column: &[f32]) -> Self {
        let rows = column.len() as f64;
        let mean = column.iter().map(|x| f64::from(*x)).sum::<f64>() / rows;
        let squares = column.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
        let deviation = (squares / rows).sqrt();
        // What is left of a constant after rounding is no variation.
        let noise = mean.abs() * f64::EPSILON * rows.sqrt();
        Self { mean, deviation: if deviation > noise { deviation } else { 0.0 } }
    }
}

/// The weights of the standardised features `used`.
fn solve(
    design: &Design<'_>,
    scales: &[Scale],
    used: &[usize],
    mean: f64,
    params: &LinearParams,
) -> Result<Vec<f64>, ModelError> {
    let size = used.len();
    if size == 0 {
        return Ok(Vec::new());
    }
    let (mut gram, moments) = normal_equations(design, scales, used, mean);
    let singular = |error: smartcore::error::Failed| ModelError::Singular(error.to_string());
    let ridge = params.estimator == Estimator::Ridge && params.alpha > 0.0;
    if ridge {
        (0..size).for_each(|at| gram[at * size + at] += params.alpha);
    }
    let left = DenseMatrix::new(size, size, gram, true).map_err(singular)?;
    let right = DenseMatrix::new(size, 1, moments, true).map_err(singular)?;
    let solution = if ridge { left.cholesky_solve_mut(right) } else { left.svd_solve_mut(right) };
    let solution = solution.map_err(singular)?;
    let weights: Vec<f64> = (0..size).map(|at| *solution.get((at, 0))).collect();
    if weights.iter().all(|weight| weight.is_finite()) {
        Ok(weights)
    } else {
        Err(ModelError::Singular("the solution is not finite".to_owned()))
    }
}

/// `Z'Z` and `Z'(y - mean)`, summed in float64 block by block.
fn normal_equations(
    design: &Design<'_>,
    scales: &[Scale],
    used: &[usize],
    mean: f64,
) -> (Vec<f64>, Vec<f64>) {
    let (size, features) = (used.len(), design.features());
    let (mut gram, mut moments) = (vec![0.0; size * size], vec![0.0; size]);
    let mut block = vec![0.0; size * BLOCK_ROWS];
    for from in (0..design.rows).step_by(BLOCK_ROWS) {
        let to = design.rows.min(from + BLOCK_ROWS);
        let rows = to - from;
        for (z, at) in block.chunks_mut(BLOCK_ROWS).zip(used) {
            let Scale { mean, deviation } = scales[*at];
            for (z, x) in z.iter_mut().zip(&features.column(*at)[from..to]) {
                *z = (f64::from(*x) - mean) / deviation;
            }
        }
        let label: Vec<f64> = design.label[from..to].iter().map(|y| f64::from(*y) - mean).collect();
        for a in 0..size {
            let left = &block[a * BLOCK_ROWS..][..rows];
            moments[a] += dot(left, &label);
            for b in 0..=a {
                gram[a * size + b] += dot(left, &block[b * BLOCK_ROWS..][..rows]);
            }
        }
    }
    for a in 0..size {
        for b in 0..a {
            gram[b * size + a] = gram[a * size + b];
        }
    }
    (gram, moments)
}

/// Eight sums side by side: the order of additions is fixed and the compiler can use vectors.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail: f64 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + tail
}

fn refuse_missing(features: &Features<'_>) -> Result<(), ModelError> {
    for (at, name) in features.names.iter().enumerate() {
        let column = features.column(at);
        if let Some(row) = column.iter().position(|value| !value.is_finite()) {
            let count = column.iter().filter(|value| !value.is_finite()).count();
            return Err(ModelError::Missing { column: name.clone(), row, count });
        }
    }
    Ok(())
}

impl LinearModel {
    pub(crate) fn is_finite(&self) -> bool {
        self.intercept.is_finite() && self.coefficients.iter().all(|value| value.is_finite())
    }

    /// One score a row.
    ///
    /// # Errors
    /// When the number of features is not the model's, or one is missing or infinite.
    pub fn predict(&self, features: &Features<'_>) -> Result<Vec<f64>, ModelError> {
        features.check()?;
        same("a row", self.coefficients.len(), features.columns)?;
        refuse_missing(features)?;
        let mut scores = vec![self.intercept; features.rows];
        for (at, coefficient) in self.coefficients.iter().enumerate() {
            for (score, value) in scores.iter_mut().zip(features.column(at)) {
                *score += coefficient * f64::from(*value);
            }
        }
        Ok(scores)
    }
}

#[cfg(test)]
mod tests;
