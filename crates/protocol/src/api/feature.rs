use alphafleet_domain::{
    DatasetVersionId, Feature, FeatureId, FeatureKind, FeatureVersion, Instant,
};
use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A feature as its owner writes it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureBody {
    /// 1 to 128 letters, digits, `.`, `_` or `-`, unique among your features.
    pub name: String,
    /// An expression of the factor language, e.g. `Mean($close, 5)/$close`, that reads nothing of
    /// the future.
    pub formula: String,
    /// `expression`.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub description: String,
    /// At most 20.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How far apart its values are; `day` by default.
    #[serde(default)]
    pub frequency: Option<String>,
    /// The dataset that it follows.
    #[serde(default)]
    pub dataset_name: Option<String>,
    /// Whether each new version of that dataset starts its computation.
    #[serde(default)]
    pub auto_compute: bool,
}

/// One of your own features.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureView {
    #[schemars(with = "Uuid")]
    pub id: FeatureId,
    pub name: String,
    pub kind: String,
    pub formula: String,
    /// Counts the formulas it has had, from 1.
    pub version: u32,
    /// Fields of the data that the formula reads.
    pub dependencies: Vec<String>,
    pub description: String,
    pub tags: Vec<String>,
    pub frequency: String,
    pub dataset_name: Option<String>,
    pub auto_compute: bool,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl From<Feature> for FeatureView {
    fn from(feature: Feature) -> Self {
        let draft = feature.draft;
        Self {
            id: feature.id,
            name: draft.name,
            kind: FeatureKind::as_str(draft.kind).to_owned(),
            formula: draft.formula,
            version: feature.version,
            dependencies: draft.fields,
            description: draft.description,
            tags: draft.tags,
            frequency: draft.frequency,
            dataset_name: draft.dataset,
            auto_compute: draft.auto_compute,
            created_at: feature.created_at,
            updated_at: feature.updated_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureList {
    pub items: Vec<FeatureView>,
    pub total: u64,
}

/// One immutable formula of a feature.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureVersionView {
    pub version: u32,
    pub formula: String,
    /// Fields of the data that it reads.
    pub dependencies: Vec<String>,
    pub created_at: Instant,
}

impl From<FeatureVersion> for FeatureVersionView {
    fn from(version: FeatureVersion) -> Self {
        Self {
            version: version.version,
            formula: version.formula,
            dependencies: version.fields,
            created_at: version.created_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureVersionList {
    /// Newest first.
    pub items: Vec<FeatureVersionView>,
}

/// A formula to be checked.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormulaBody {
    pub formula: String,
}

/// A formula that can be a feature.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FormulaView {
    /// Always true: what is not valid is a problem.
    pub valid: bool,
    /// The formula in the form that equal formulas share.
    pub normalised: String,
    /// Fields of the data that it reads.
    pub fields: Vec<String>,
    /// How many bars of the past it reads; none where it reads all of them.
    pub look_back: Option<u64>,
    /// How many bars of the future it reads: 0.
    pub look_ahead: u64,
}

/// A published collection of features.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureSetView {
    pub name: String,
    /// How many features it has.
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureSetList {
    pub items: Vec<FeatureSetView>,
}

/// A published collection, with its formulas.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureSetDetail {
    pub name: String,
    pub size: u64,
    pub features: Vec<NamedFormula>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct NamedFormula {
    pub name: String,
    pub expression: String,
}

/// Computed values of one instrument.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureValueList {
    pub instrument: String,
    pub dataset_name: String,
    #[schemars(with = "Uuid")]
    pub dataset_version_id: DatasetVersionId,
    /// Names of the values of each row.
    pub columns: Vec<String>,
    /// Features of the set that the data do not allow.
    pub left_out: Vec<String>,
    /// Oldest first; the newest where there are more than were asked for.
    pub items: Vec<FeatureValueRow>,
    /// Rows there are in the range.
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct FeatureValueRow {
    pub datetime: NaiveDateTime,
    /// In the order of the columns; null where there is no value.
    pub values: Vec<Option<f32>>,
}
