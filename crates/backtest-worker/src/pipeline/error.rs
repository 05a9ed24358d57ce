use std::path::PathBuf;

use alphafleet_backtest::BacktestError;
use alphafleet_backtest::plan::PlanFault;
use alphafleet_market::PanelError;
use alphafleet_worker::child::{Blame, explain};
use parquet::errors::ParquetError;
use thiserror::Error;

/// Why a backtest ends without a report. [`BacktestRunError::code`] is stable.
#[derive(Debug, Error)]
pub enum BacktestRunError {
    #[error("stopped as asked")]
    Stopped,
    #[error(transparent)]
    Backtest(#[from] BacktestError),
    #[error(transparent)]
    Plan(#[from] PlanFault),
    #[error("none of {configurations} configurations could be run; the first: {reason}")]
    NoneRan { configurations: usize, reason: String },
    #[error("{share} cannot be used: {reason}")]
    Share { share: String, reason: String },
    #[error("no share of the sweep has {what} {number}")]
    Absent { what: &'static str, number: usize },
    #[error(transparent)]
    Panel(#[from] PanelError),
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} cannot be written as Parquet", path.display())]
    Parquet {
        path: PathBuf,
        #[source]
        source: ParquetError,
    },
    #[error("{what} has no JSON form")]
    Json {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

impl BacktestRunError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Backtest(error) => error.code(),
            Self::Plan(fault) => fault.code,
            Self::NoneRan { .. } => "no_configuration_ran",
            Self::Share { .. } => "bad_share",
            Self::Absent { .. } => "absent_share",
            Self::Panel(_) => "bad_panel",
            Self::Write { .. } | Self::Parquet { .. } => "unwritable_file",
            Self::Json { .. } => "internal",
        }
    }

    /// Where the cause lies.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Backtest(error) => blame(error),
            Self::Plan(_) | Self::NoneRan { .. } => Blame::Specification,
            Self::Share { .. } => Blame::Data,
            Self::Write { .. } => Blame::Machine,
            // The disk is what fails at writing a file whose columns are ours.
            Self::Parquet { source: ParquetError::External(_), .. } => Blame::Machine,
            Self::Stopped
            | Self::Absent { .. }
            | Self::Panel(_)
            | Self::Parquet { .. }
            | Self::Json { .. } => Blame::Program,
        }
    }

    /// Whether another attempt of the same run can succeed.
    pub fn retryable(&self) -> bool {
        self.blame().is_retryable()
    }

    /// The whole chain of causes as one sentence.
    pub fn explain(&self) -> String {
        explain(self)
    }
}

fn blame(error: &BacktestError) -> Blame {
    match error {
        BacktestError::LedgerImbalance
        | BacktestError::OtherMarket
        | BacktestError::Shape { .. } => Blame::Program,
        BacktestError::EmptyUniverse | BacktestError::Price { .. } => Blame::Data,
        _ => Blame::Specification,
    }
}
