//! The naive evaluator: one series at a time, one step after the other, windows as pandas walks
//! them. Slow and plain, it is the judge of the engine.

mod eval;

pub(crate) use eval::compute;
