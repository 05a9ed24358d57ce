//! Conformance suites, private services and fault injection for tests.
//!
//! [`postgres`], [`rabbitmq`] and [`redis`] start real servers as plain processes on free loopback
//! ports, one for all tests or one of a test's own that it may break. None outlives its starter.
#![allow(clippy::expect_used)]

pub mod conformance;
mod leash;
pub mod postgres;
pub mod proxy;
pub mod rabbitmq;
pub mod redis;
pub mod tls;
