//! Conformance suites, private services and fault injection for tests.
//!
//! [`postgres`], [`rabbitmq`] and [`redis`] start real servers as plain processes on free loopback
//! ports, one for all tests or one of a test's own that it may break. None outlives its starter.
//! [`proxy`] breaks the network before them, [`tls`] makes their certificates. [`browser`] opens
//! pages, [`page`] looks at their markup.
#![allow(clippy::expect_used)]

mod account;
pub mod browser;
pub mod conformance;
mod folder;
mod installed;
mod leash;
pub mod page;
mod port;
pub mod postgres;
mod process;
pub mod proxy;
pub mod rabbitmq;
pub mod redis;
mod services;
pub mod tls;

pub use process::started_at;
pub use services::{KeepError, Services};
