//! Computation of features: what is stored is read, what is not is computed and handed over.

mod cached;
pub(crate) mod compute;
mod handler;
pub(crate) mod market;
mod output;
mod rows;

pub use handler::FeatureHandler;
