//! Computation of features: what is stored is read, what is stored of the data's past is extended
//! by the new bars, all else is computed; both are handed over.

mod cached;
pub(crate) mod compute;
mod extend;
mod handler;
pub(crate) mod market;
mod output;
mod rows;
mod storage;

pub use handler::FeatureHandler;
