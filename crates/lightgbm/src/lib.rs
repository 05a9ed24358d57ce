//! A thin safe wrapper of LightGBM's C interface.
//!
//! [`Dataset`] bins a matrix, [`Booster`] grows trees on it one round at a time, so that the
//! caller sees every round and may stop between two. All `unsafe` code of the crate is in `raw`.
//!
//! LightGBM keeps one thread count for the whole process: whichever booster or data set was made
//! last sets it. A process should use one count throughout.

mod booster;
mod dataset;
mod error;
mod log;
mod matrix;
mod parameters;
mod raw;
mod text;

pub use booster::{Booster, ImportanceKind};
pub use dataset::{Dataset, DatasetFields};
pub use error::Error;
pub use log::set_log_sink;
pub use matrix::{Layout, Matrix};
pub use parameters::Parameters;

#[cfg(test)]
mod tests;
