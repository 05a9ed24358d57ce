//! Published sets of factors, each as names and sources of expressions.

mod alpha101;
mod alpha158;
mod alpha360;
mod indicators;

pub use alpha101::{alpha101, alpha101_sources};
pub use alpha158::{DEFAULT_LABEL, alpha158, alpha158_sources, default_label, keep_available};
pub use alpha360::{alpha360, alpha360_sources};
pub use indicators::{INDICATOR_SET, indicator_sources};
