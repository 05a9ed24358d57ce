//! Computed columns: what they are known by, who computes them, and how they are read.

mod inputs;
mod keys;
mod reader;

pub(crate) use inputs::FeatureInputs;
pub(crate) use reader::StoredFeatures;
