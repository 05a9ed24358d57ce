use serde::{Deserialize, Serialize};

/// Something a company does to its shares, effective before a bar opens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// `ratio` new shares for one old share: 2 for a two-for-one split, 0.1 for a reverse one.
    Split { ratio: f64 },
    /// Money per share held before the bar.
    Dividend { per_share: f64 },
}

/// A corporate action in a market of raw prices. Adjusted prices already contain it: give none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorporateAction {
    pub instrument: String,
    /// The first bar at or after this time trades without the right.
    pub time: chrono::NaiveDateTime,
    pub kind: ActionKind,
}

/// An action at its place in the market.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct DatedAction {
    pub(crate) bar: usize,
    pub(crate) instrument: u32,
    pub(crate) kind: ActionKind,
}
