//! A panel prepared for trading, and what a strategy may see of it.

mod actions;
mod prepare;
mod view;

pub use actions::{ActionKind, CorporateAction};
pub use prepare::{Bar, Market};
pub use view::View;
