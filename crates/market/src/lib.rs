//! Market data in memory: a dense panel of bars, instruments by trading calendar.
//!
//! Everything here is pure: no file, socket, clock or global state. Times come in as values,
//! randomness as seeds.

mod panel;

pub use panel::{Panel, PanelBuilder, PanelError, PanelRow};
