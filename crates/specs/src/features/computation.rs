use alphafleet_domain::{Dataset, DatasetVersion, Feature as Stored};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::reader::{Reader, read_document};
use crate::training::{FeatureOrigin, read, segments};
use crate::{Adjustment, DatasetRef, DateRange, Faults, Feature, Features, Limits, Universe};

/// Which features to compute on which data: into the cache, and as one file.
///
/// Its JSON form names every value; reading that form gives the same specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FeatureComputationSpec {
    pub dataset: DatasetRef,
    #[serde(default)]
    pub universe: Universe,
    #[serde(default)]
    pub adjustment: Adjustment,
    #[serde(default)]
    pub features: Features,
    /// The days to keep, both included; absent keeps all. Windows still see what lies before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<DateRange>,
    /// Threads to compute with; 0 takes what the worker offers.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_024))]
    pub threads: u32,
    #[serde(default)]
    pub limits: Limits,
}

impl FeatureComputationSpec {
    /// Reads a JSON document and reports everything that is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read_document(document, |mut reader| {
            let spec = Self::read(&mut reader);
            reader.finish();
            Some(spec)
        })
    }

    /// The fields that every specification with features on data has.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            dataset: read::dataset(reader),
            universe: reader.section("universe").map(Universe::read).unwrap_or_default(),
            adjustment: read::adjustment(reader),
            features: reader.section("features").map(Features::read).unwrap_or_default(),
            range: reader
                .take(&["range"])
                .and_then(|(name, value)| segments::range(reader, name, value)),
            threads: reader.whole(&["threads"], 0..=read::MOST_THREADS, 0),
            limits: reader.section("limits").map(read::limits).unwrap_or_default(),
        }
    }

    /// The computation that a new version of a dataset starts for the features that follow it.
    pub fn of_sync(dataset: &Dataset, version: &DatasetVersion, following: &[Stored]) -> Self {
        let expressions = following.iter().map(|stored| Feature {
            name: stored.draft.name.clone(),
            expression: stored.draft.formula.clone(),
            feature: Some(FeatureOrigin { id: stored.id.to_string(), version: stored.version }),
        });
        Self {
            dataset: DatasetRef {
                name: dataset.name.clone(),
                version: Some(version.id.to_string()),
            },
            universe: Universe::default(),
            adjustment: Adjustment::default(),
            features: Features { set: None, expressions: expressions.collect() },
            range: None,
            threads: 0,
            limits: Limits::default(),
        }
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The document's JSON Schema.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

impl<'de> Deserialize<'de> for FeatureComputationSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}
