//! Computation of features: what is stored is read, what is not is computed and handed over.

mod cached;
mod compute;
mod handler;
mod market;
mod output;
mod rows;

pub use handler::FeatureHandler;
