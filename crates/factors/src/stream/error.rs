use chrono::NaiveDateTime;
use thiserror::Error;

use crate::error::FactorError;

/// Why a stream cannot go on.
#[derive(Debug, Error)]
pub enum StreamError {
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error("the bar at {found} is not later than the newest one seen, {newest}: begin anew")]
    NotLater { newest: NaiveDateTime, found: NaiveDateTime },
    #[error(
        "the {bars} bars seen, the last of them at {newest}, are not the panel's first: begin anew"
    )]
    OtherPast { bars: usize, newest: NaiveDateTime },
    #[error("{instrument} has bars among those already seen: begin anew")]
    BeganBefore { instrument: String },
    #[error("the state cannot be stored: {reason}")]
    Unwritable { reason: String },
    #[error("the stored state cannot be read: {reason}; compute from the beginning")]
    Unreadable { reason: String },
    #[error("the stored state belongs to other expressions; compute from the beginning")]
    OtherExpressions,
}

impl StreamError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Factor(error) => error.code(),
            Self::NotLater { .. } => "bars_not_later",
            Self::OtherPast { .. } => "bars_of_another_past",
            Self::BeganBefore { .. } => "instrument_began_before",
            Self::Unwritable { .. } => "state_unwritable",
            Self::Unreadable { .. } => "state_unreadable",
            Self::OtherExpressions => "state_of_other_expressions",
        }
    }
}
