use std::path::PathBuf;

use alphafleet_datasets::DatasetError;
use alphafleet_factors::{FactorError, SegmentError};
use alphafleet_market::{ColumnError, PanelError};
use alphafleet_models::ModelError;
use alphafleet_worker::child::{Blame, explain};
use thiserror::Error;

/// Why a training run ends without a model. [`TrainError::code`] is stable.
#[derive(Debug, Error)]
pub enum TrainError {
    #[error("stopped as asked")]
    Stopped,
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error(transparent)]
    Panel(#[from] PanelError),
    #[error("the segments do not fit the data: {}", joined(.0))]
    Segments(Vec<SegmentError>),
    #[error(
        "no value in the training segment: {}; check the expression and the fields it reads",
        .names.join(", ")
    )]
    EmptyFeatures { names: Vec<String> },
    #[error("no instrument is left in the universe; see universe.include and universe.exclude")]
    EmptyUniverse,
    #[error("no feature is left: every one lacks its fields or has no value")]
    NoFeatures,
    #[error(
        "the {segment} segment has {rows} row(s) with a label, at least {needed} are needed; \
         make it longer"
    )]
    TooFewRows { segment: &'static str, rows: usize, needed: usize },
    #[error(
        "the label's processors compare the instruments of one bar, and no bar of the {segment} \
         segment has two that differ; add instruments or set processors.learn = [\"dropna_label\"]"
    )]
    LabelNeedsCrossSection { segment: &'static str },
    #[error("the scores of the test segment are not finite: the model cannot be used")]
    Scores,
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{what} has no JSON form")]
    Json {
        what: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

impl TrainError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Factor(error) => error.code(),
            Self::Column(_) => "missing_column",
            Self::Panel(PanelError::NoMembers { .. }) => "unknown_universe",
            Self::Panel(PanelError::NeverMembers { .. }) => "empty_universe",
            Self::Panel(_) => "bad_panel",
            Self::Segments(errors) => errors.first().map_or("segments", SegmentError::code),
            Self::EmptyFeatures { .. } => "empty_feature",
            Self::EmptyUniverse => "empty_universe",
            Self::NoFeatures => "no_features",
            Self::TooFewRows { .. } => "too_few_rows",
            Self::LabelNeedsCrossSection { .. } => "label_needs_cross_section",
            Self::Scores => "scores_not_finite",
            Self::Model(ModelError::Missing { .. }) => "feature_missing_values",
            Self::Model(ModelError::TooFewRows { .. }) => "too_few_rows",
            Self::Model(ModelError::Singular(_)) => "singular",
            Self::Model(_) => "model_failed",
            Self::Dataset(error) => error.code(),
            Self::Write { .. } => "unwritable_file",
            Self::Json { .. } => "internal",
        }
    }

    /// Where the cause lies.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Factor(FactorError::Threads { .. }) | Self::Write { .. } => Blame::Machine,
            Self::Factor(_)
            | Self::Segments(_)
            | Self::EmptyFeatures { .. }
            | Self::EmptyUniverse
            | Self::Panel(PanelError::NoMembers { .. } | PanelError::NeverMembers { .. }) => {
                Blame::Specification
            }
            Self::Model(ModelError::Missing { .. } | ModelError::Parameter { .. }) => {
                Blame::Specification
            }
            Self::Column(_)
            | Self::NoFeatures
            | Self::TooFewRows { .. }
            | Self::LabelNeedsCrossSection { .. } => Blame::Data,
            Self::Model(ModelError::TooFewRows { .. } | ModelError::Singular(_)) => Blame::Data,
            Self::Dataset(error) if error.is_data_fault() => Blame::Data,
            Self::Dataset(_) => Blame::Machine,
            Self::Stopped | Self::Panel(_) | Self::Scores | Self::Model(_) | Self::Json { .. } => {
                Blame::Program
            }
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

fn joined(errors: &[SegmentError]) -> String {
    errors.iter().map(SegmentError::to_string).collect::<Vec<_>>().join("; ")
}
