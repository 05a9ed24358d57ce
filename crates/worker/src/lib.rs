//! The runtime that runs jobs.
//!
//! A supervisor claims jobs from the store and has them run by child processes, so that a crash,
//! a leak or a runaway costs one child. The two speak in lines of JSON, see [`frame`]; a child in
//! Rust implements [`child::Handler`] and calls [`child::main`].

pub mod child;
pub mod frame;
