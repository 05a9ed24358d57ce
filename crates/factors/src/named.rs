use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::FactorError;
use crate::expr::Expr;

/// An expression and the name of its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedExpr {
    pub name: String,
    pub expr: Expr,
}

impl NamedExpr {
    /// Reads the expression; the error names the column.
    pub fn parse(name: &str, source: &str) -> Result<Self, FactorError> {
        let expr = Expr::parse(source)
            .map_err(|source| FactorError::Expression { name: name.to_owned(), source })?;
        Ok(Self { name: name.to_owned(), expr })
    }
}

/// Refuses an expression that reads the future and so may only serve as a label.
pub fn validate_feature(feature: &NamedExpr) -> Result<(), FactorError> {
    match feature.expr.look_ahead() {
        0 => Ok(()),
        bars => Err(FactorError::LookAhead { name: feature.name.clone(), bars }),
    }
}

/// [`validate_feature`] for all of them.
pub fn validate_features(features: &[NamedExpr]) -> Result<(), FactorError> {
    features.iter().try_for_each(validate_feature)
}
