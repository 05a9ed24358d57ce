//! The `alphafleet` binary.
fn main() {}
