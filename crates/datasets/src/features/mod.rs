//! Computed columns as files: what they are known by, how they are written and read, and from what
//! they go on.

mod column;
mod key;
mod past;
mod state;
#[cfg(test)]
mod tests;

pub use column::{
    FeatureColumn, InstrumentValues, read_feature, read_feature_values, read_instrument,
    write_feature,
};
pub use key::{FORMULA_VERSION, FeatureIdentity};
pub use past::{Past, PastChange, Pasts};
pub use state::FeatureState;
