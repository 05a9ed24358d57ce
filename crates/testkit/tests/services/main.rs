//! The private services keep what they promise.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod kept;
mod leash;
mod servers;
mod support;
