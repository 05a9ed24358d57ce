use alphafleet_domain::DatasetVersion;
use alphafleet_specs::FeatureComputationSpec;
use async_trait::async_trait;
use chrono::{NaiveDate, NaiveDateTime};

/// Reads computed columns. The gateway knows nothing of formats.
#[async_trait]
pub trait FeatureReader: Send + Sync {
    /// What is stored of one instrument. Nothing is computed here.
    async fn read(&self, request: FeatureRead) -> Result<FeatureValues, FeatureReadError>;
}

/// Which values are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureRead {
    /// The computation whose columns they are; every name is looked up.
    pub spec: FeatureComputationSpec,
    /// The version of the dataset that it computes on.
    pub version: DatasetVersion,
    pub instrument: String,
    /// First and last day; absent is open.
    pub days: (Option<NaiveDate>, Option<NaiveDate>),
}

/// Values by row, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeatureValues {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Features of the specification that are not stored.
    pub missing: Vec<String>,
    pub times: Vec<NaiveDateTime>,
    /// A column a name, a value a time; NaN where there is none.
    pub values: Vec<Vec<f32>>,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum FeatureReadError {
    #[error("the data have no such instrument")]
    UnknownInstrument,
    /// We are at fault.
    #[error("the features cannot be read")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}
