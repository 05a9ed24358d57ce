//! Users' own features and what is computed with them.

mod computation;
mod evaluation;
mod formula;
mod universes;

pub use computation::FeatureComputationSpec;
pub use evaluation::FactorEvaluationSpec;
pub use formula::{Formula, feature_name_fault};
