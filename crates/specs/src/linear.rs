use schemars::JsonSchema;
use serde::Serialize;

use crate::FaultCode;
use crate::lightgbm::refuse_batches;
use crate::reader::{Bounds, Reader};

pub(crate) const NAMES: &[&[&str]] = &[ESTIMATOR, ALPHA];
const ESTIMATOR: &[&str] = &["estimator"];
const ALPHA: &[&str] = &["alpha", "reg_lambda", "lambda_l2"];

/// How the coefficients are estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Estimator {
    /// Least squares with an L2 penalty on the coefficients.
    Ridge,
    /// Ordinary least squares.
    Ols,
}

/// Linear regression with an intercept.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct LinearParams {
    /// How the coefficients are estimated.
    pub estimator: Estimator,
    /// Weight of the L2 penalty; without effect for `ols`.
    #[schemars(range(min = 0))]
    pub alpha: f64,
}

impl Default for LinearParams {
    fn default() -> Self {
        Self { estimator: Estimator::Ridge, alpha: 1.0 }
    }
}

impl LinearParams {
    /// `named` is the model's name as it was given: `ols` and `ridge` choose the estimator.
    pub(crate) fn read(mut reader: Reader<'_>, named: &str) -> Self {
        let base = match named.to_ascii_lowercase().as_str() {
            "ols" => Estimator::Ols,
            _ => Estimator::Ridge,
        };
        let choices = [("ridge", Estimator::Ridge), ("ols", Estimator::Ols)];
        let params = Self {
            estimator: reader.choice(ESTIMATOR, &choices, base),
            alpha: reader.float(ALPHA, Bounds::closed(0.0, f64::MAX), Self::default().alpha),
        };
        refuse_batches(&mut reader, "linear");
        for absent in ["epochs", "rounds", "learning_rate"] {
            if let Some((name, _)) = reader.take(&[absent]) {
                let message = format!("linear is solved at once; leave {name} out");
                reader.fault(name, FaultCode::NotSupported, message);
            }
        }
        reader.finish_as("parameter of linear", FaultCode::UnknownField);
        params
    }
}
