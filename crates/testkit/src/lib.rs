//! Conformance suites, private services and fault injection for tests.

pub mod conformance;
pub mod postgres;
