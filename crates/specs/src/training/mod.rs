mod features;
mod origin;
mod processors;
pub(crate) mod read;
pub(crate) mod segments;
pub(crate) mod universe;

pub use alphafleet_factors::DateRange;
pub use features::{DEFAULT_LABEL, Feature, FeatureSet, Features, Label};
pub use origin::FeatureOrigin;
pub use processors::{Columns, Processor, Processors};
pub use segments::{Ratios, Segments};
pub use universe::Universe;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Faults, ModelSpec};

/// Everything a training run needs to know, complete and checked: which data, which features and
/// label, which rows, which model.
///
/// Its JSON form names every value, so it reproduces the run; reading that form gives the same
/// specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TrainingSpec {
    pub dataset: DatasetRef,
    #[serde(default)]
    pub universe: Universe,
    #[serde(default)]
    pub adjustment: Adjustment,
    #[serde(default)]
    pub features: Features,
    #[serde(default)]
    pub label: Label,
    #[serde(default)]
    pub segments: Segments,
    /// Leave out the rows whose label reaches into the next segment.
    #[serde(default = "purged")]
    pub purge: bool,
    /// Steps between raw columns and the model; each model has defaults of its own.
    #[schemars(default)]
    pub processors: Processors,
    #[serde(default)]
    pub model: ModelSpec,
    /// Seed of everything drawn at random; absent takes the model library's own fixed seeds, so
    /// that a run without one repeats itself too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub seed: Option<u32>,
    /// Threads to compute with; 0 takes what the worker offers.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_024))]
    pub threads: u32,
    #[serde(default)]
    pub outputs: Outputs,
    #[serde(default)]
    pub limits: Limits,
    /// Keep a checkpoint after every so many rounds; 0 keeps none.
    #[serde(default = "checkpoint_every_rounds")]
    #[schemars(range(min = 0, max = 100_000))]
    pub checkpoint_every_rounds: u32,
}

pub(crate) fn purged() -> bool {
    true
}

pub(crate) fn checkpoint_every_rounds() -> u32 {
    50
}

/// The dataset to train on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DatasetRef {
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// An immutable version; absent takes the newest good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// How prices of different dates are made comparable across splits and dividends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Adjustment {
    /// As traded.
    None,
    /// Price × factor, which is Qlib's convention.
    #[default]
    Backward,
    /// The last price of each instrument as it was traded, older ones scaled to it.
    Forward,
}

/// Files a run leaves beside the model, its predictions and report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Outputs {
    /// Also write the raw features and label (`features.parquet`).
    pub features: bool,
}

/// Time limits of this run; absent takes those of the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// After so many seconds the run is told to checkpoint and stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub soft_s: Option<u32>,
    /// After so many seconds the process is ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub hard_s: Option<u32>,
}

impl TrainingSpec {
    /// Reads a JSON document and reports everything that is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read::training(document)
    }

    /// Reads JSON text.
    pub fn from_json(text: &str) -> Result<Self, Faults> {
        Self::from_value(&crate::document::json(text)?)
    }

    /// Reads TOML text: the same document with TOML's dates allowed.
    pub fn from_toml(text: &str) -> Result<Self, Faults> {
        Self::from_value(&crate::document::toml(text)?)
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The complete document as text: same specification, same bytes.
    pub fn to_canonical_json(&self) -> String {
        self.to_value().to_string()
    }

    /// The document's JSON Schema.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl<'de> Deserialize<'de> for TrainingSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}
