use alphafleet_domain::ports::StoreError;
use alphafleet_domain::{
    CachedFeature, DatasetVersionId, EvictableFeature, Feature, FeatureDraft, FeatureId,
    FeatureKey, FeatureVersion, LeaseId, UserId,
};
use diesel::prelude::*;

use super::read::{document, from_document, parsed, present, saturating, unsigned};
use crate::schema::{feature_cache, feature_versions, features};
use crate::values::{At, Json, Uid, text};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = features)]
pub(crate) struct FeatureRow {
    pub id: Uid,
    pub owner: Uid,
    pub name: String,
    pub kind: String,
    pub description: String,
    pub tags: Json,
    pub frequency: String,
    pub dataset: Option<String>,
    pub auto_compute: bool,
    pub version: i64,
    pub created_at: At,
    pub updated_at: At,
}

/// What an owner writes, without the formula; absent values are written too.
#[derive(AsChangeset)]
#[diesel(table_name = features, treat_none_as_null = true)]
pub(crate) struct FeatureChange {
    name: String,
    kind: String,
    description: String,
    tags: Json,
    frequency: String,
    dataset: Option<String>,
    auto_compute: bool,
    version: i64,
    updated_at: At,
}

impl FeatureChange {
    pub fn new(draft: &FeatureDraft, version: i64, now: At) -> Self {
        Self {
            name: text(&draft.name),
            kind: draft.kind.as_str().to_owned(),
            description: text(&draft.description),
            tags: document(&draft.tags),
            frequency: text(&draft.frequency),
            dataset: draft.dataset.as_deref().map(text),
            auto_compute: draft.auto_compute,
            version,
            updated_at: now,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = feature_versions)]
pub(crate) struct FormulaRow {
    pub feature: Uid,
    pub version: i64,
    pub formula: String,
    pub fields: Json,
    pub created_at: At,
}

impl FormulaRow {
    pub fn new(feature: Uid, version: i64, draft: &FeatureDraft, at: At) -> Self {
        let (formula, fields) = (text(&draft.formula), document(&draft.fields));
        Self { feature, version, formula, fields, created_at: at }
    }
}

impl From<&Feature> for FeatureRow {
    fn from(feature: &Feature) -> Self {
        let draft = &feature.draft;
        Self {
            id: Uid(feature.id.as_uuid()),
            owner: Uid(feature.owner.as_uuid()),
            name: text(&draft.name),
            kind: draft.kind.as_str().to_owned(),
            description: text(&draft.description),
            tags: document(&draft.tags),
            frequency: text(&draft.frequency),
            dataset: draft.dataset.as_deref().map(text),
            auto_compute: draft.auto_compute,
            version: i64::from(feature.version),
            created_at: At(feature.created_at),
            updated_at: At(feature.updated_at),
        }
    }
}

impl FeatureRow {
    /// The feature with the formula of its version.
    pub fn with(self, formula: FormulaRow) -> Result<Feature, StoreError> {
        let row = self;
        Ok(Feature {
            id: FeatureId::from_uuid(row.id.0),
            owner: UserId::from_uuid(row.owner.0),
            draft: FeatureDraft {
                name: row.name,
                kind: parsed(&row.kind, "features.kind")?,
                formula: formula.formula,
                fields: from_document(formula.fields, "feature_versions.fields")?,
                description: row.description,
                tags: from_document(row.tags, "features.tags")?,
                frequency: row.frequency,
                dataset: row.dataset,
                auto_compute: row.auto_compute,
            },
            version: unsigned(row.version, "features.version")?,
            created_at: row.created_at.0,
            updated_at: row.updated_at.0,
        })
    }
}

impl TryFrom<FormulaRow> for FeatureVersion {
    type Error = StoreError;

    fn try_from(row: FormulaRow) -> Result<Self, StoreError> {
        Ok(Self {
            feature: FeatureId::from_uuid(row.feature.0),
            version: unsigned(row.version, "feature_versions.version")?,
            formula: row.formula,
            fields: from_document(row.fields, "feature_versions.fields")?,
            created_at: row.created_at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = feature_cache)]
pub(crate) struct CacheRow {
    pub cache_key: String,
    pub dataset_version: Uid,
    pub state: String,
    pub object_key: Option<String>,
    pub bytes: i64,
    pub sha256: Option<String>,
    pub lease: Option<Uid>,
    pub lease_expires_at: Option<At>,
    pub created_at: At,
    pub last_used_at: At,
}

impl CacheRow {
    pub const COMPUTING: &str = "computing";
    pub const READY: &str = "ready";

    pub fn claimed(
        key: &FeatureKey,
        version: DatasetVersionId,
        lease: LeaseId,
        now: At,
        until: At,
    ) -> Self {
        Self {
            cache_key: text(&key.0),
            dataset_version: Uid(version.as_uuid()),
            state: Self::COMPUTING.to_owned(),
            object_key: None,
            bytes: 0,
            sha256: None,
            lease: Some(Uid(lease.as_uuid())),
            lease_expires_at: Some(until),
            created_at: now,
            last_used_at: now,
        }
    }

    pub fn ready(feature: &CachedFeature, version: Uid, now: At) -> Self {
        Self {
            cache_key: text(&feature.key.0),
            dataset_version: version,
            state: Self::READY.to_owned(),
            object_key: Some(text(&feature.object_key)),
            bytes: saturating(feature.bytes),
            sha256: Some(text(&feature.sha256)),
            lease: None,
            lease_expires_at: None,
            created_at: now,
            last_used_at: now,
        }
    }
}

impl TryFrom<CacheRow> for CachedFeature {
    type Error = StoreError;

    fn try_from(row: CacheRow) -> Result<Self, StoreError> {
        Ok(Self {
            key: FeatureKey(row.cache_key),
            object_key: present(row.object_key, "feature_cache.object_key")?,
            bytes: unsigned(row.bytes, "feature_cache.bytes")?,
            sha256: present(row.sha256, "feature_cache.sha256")?,
        })
    }
}

impl From<CacheRow> for EvictableFeature {
    fn from(row: CacheRow) -> Self {
        Self {
            key: FeatureKey(row.cache_key),
            object_key: row.object_key,
            last_used_at: row.last_used_at.0,
        }
    }
}
