use thiserror::Error;

use crate::expr::ExprError;

/// Why factors cannot be computed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum FactorError {
    #[error("{name} is not a valid expression")]
    Expression {
        name: String,
        #[source]
        source: ExprError,
    },
    #[error("{name} reads the unknown field ${field}; the data has: {}", list(known))]
    UnknownField { name: String, field: String, known: Vec<String> },
    #[error("{name}: missing field $${field}: {}", announced(known))]
    UnknownPeriodField { name: String, field: String, known: Vec<String> },
    #[error(
        "{name} reads announcements in {part}, which a stream of bars does not carry: compute it \
         over the history instead"
    )]
    PointInTimeStream { name: String, part: String },
    #[error("the feature {name} looks {bars} bars ahead: only labels may read the future")]
    LookAhead { name: String, bars: usize },
    #[error(
        "{name} moves a series ahead and back again, so that its last values change with the bars \
         to come: it can only be computed over all of them"
    )]
    NotIncremental { name: String },
    #[error("two expressions are named {name}")]
    DuplicateName { name: String },
    #[error("no expression is given")]
    Empty,
    #[error("the computing threads cannot be started: {reason}")]
    Threads { reason: String },
    #[error("the label {name} is not a column of the label frame")]
    UnknownLabel { name: String },
    #[error("features and label are of different panels: {features} and {label} cells")]
    FrameMismatch { features: usize, label: usize },
    #[error("{processor} has nothing to fit on: the training rows are empty")]
    NothingToFit { processor: &'static str },
    #[error("the fitted processor has {fitted} columns, the matrix has {found}")]
    ColumnMismatch { fitted: usize, found: usize },
    #[error("{field}: {reason}")]
    InvalidOption { field: String, reason: String },
}

impl FactorError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Expression { source, .. } => source.code(),
            Self::UnknownField { .. } => "unknown_field",
            Self::UnknownPeriodField { .. } => "unknown_period_field",
            Self::PointInTimeStream { .. } => "point_in_time_stream",
            Self::LookAhead { .. } => "feature_looks_ahead",
            Self::NotIncremental { .. } => "feature_not_incremental",
            Self::DuplicateName { .. } => "duplicate_factor_name",
            Self::Empty => "no_factor",
            Self::Threads { .. } => "threads_unavailable",
            Self::UnknownLabel { .. } => "unknown_label",
            Self::FrameMismatch { .. } => "frame_mismatch",
            Self::NothingToFit { .. } => "nothing_to_fit",
            Self::ColumnMismatch { .. } => "column_mismatch",
            Self::InvalidOption { .. } => "invalid_option",
        }
    }
}

impl FactorError {
    /// Whether whoever asked can mend it; else the machine failed.
    pub fn is_callers(&self) -> bool {
        !matches!(self, Self::Threads { .. })
    }
}

fn announced(known: &[String]) -> String {
    let remedy = "give the data a table of announcements with it (columns instrument, announced, \
                  period, field, value)";
    if known.is_empty() {
        return format!("the data has no announcements; {remedy}");
    }
    let known: Vec<String> = known.iter().map(|name| format!("$${name}")).collect();
    format!("the announcements are of {}; {remedy}", known.join(", "))
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("${name}")).collect();
    names.join(", ")
}
