use serde::{Deserialize, Serialize};
use std::str::FromStr;

use crate::{FeatureId, Instant, LeaseId, UserId};

/// A named, owned formula. Its versions are immutable: another formula is the next version.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub id: FeatureId,
    pub owner: UserId,
    pub draft: FeatureDraft,
    /// Of the formula, from 1.
    pub version: u32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

/// The part of a feature its owner writes. Names are unique per owner.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureDraft {
    pub name: String,
    pub kind: FeatureKind,
    /// Checked source in the factor language.
    pub formula: String,
    /// Fields of the data that the formula reads, without the `$`, ascending.
    pub fields: Vec<String>,
    pub description: String,
    pub tags: Vec<String>,
    /// How far apart its values are, e.g. `day`.
    pub frequency: String,
    /// Name of the owner's dataset it is computed on by itself.
    pub dataset: Option<String>,
    /// Whether each new version of `dataset` starts its computation.
    pub auto_compute: bool,
}

/// How a feature is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// A formula of the factor language.
    #[default]
    Expression,
}

impl FeatureKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expression => "expression",
        }
    }
}

impl FromStr for FeatureKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "expression" => Ok(Self::Expression),
            other => Err(format!("unknown kind of feature '{other}': expected expression")),
        }
    }
}

/// One immutable formula of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureVersion {
    pub feature: FeatureId,
    /// From 1.
    pub version: u32,
    pub formula: String,
    /// Fields of the data that it reads, without the `$`, ascending.
    pub fields: Vec<String>,
    pub created_at: Instant,
}

/// What a cached column is known by: SHA-256 (hex) of everything that its values depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureKey(pub String);

/// A stored column: where its file is and what it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CachedFeature {
    pub key: FeatureKey,
    pub object_key: String,
    /// Of the column and of the state beside it.
    pub bytes: u64,
    /// Of the column, hex.
    pub sha256: String,
}

/// Where the state lies from which a stored column goes on when bars are appended to its data. It
/// comes and goes with the column; a column may have none.
pub fn feature_state_key(object_key: &str) -> String {
    format!("{}.state", object_key.strip_suffix(".parquet").unwrap_or(object_key))
}

/// A stored column that has not been used for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvictableFeature {
    pub key: FeatureKey,
    /// Of a column whose computation was given up there may be none.
    pub object_key: Option<String>,
    /// Removed only if this is still when it was last used.
    pub last_used_at: Instant,
}

/// What an attempt learns that asks for columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeatureClaim {
    /// These are stored; all others are the asker's to compute, and its lease keeps them.
    Claimed { ready: Vec<CachedFeature> },
    /// A running attempt computes one of them: nothing was claimed. Ask again.
    Wait { computed_by: LeaseId },
}
