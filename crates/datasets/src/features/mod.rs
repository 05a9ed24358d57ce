//! Computed columns as files: what they are known by, how they are written and read.

mod column;
mod key;
#[cfg(test)]
mod tests;

pub use column::{FeatureColumn, InstrumentValues, read_feature, read_instrument, write_feature};
pub use key::{FORMULA_VERSION, FeatureIdentity};
