//! Sets of factors known by name.

mod indicators;

pub use indicators::{INDICATOR_SET, indicator_sources};
