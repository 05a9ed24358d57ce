//! Portfolios by weights.

mod config;
mod covariance;
mod mean_variance;
mod risk_parity;
mod strategy;

pub use config::{Weighting, WeightsConfig};
pub use strategy::Weights;
