//! The training handler.
