use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{
    AuditRecord, CachedFeature, DatasetVersionId, EvictableFeature, Feature, FeatureClaim,
    FeatureDraft, FeatureId, FeatureKey, FeatureVersion, LeaseId, Page, PageRequest, UserId,
};

/// Users' own features. Someone else's feature is not found.
#[async_trait]
pub trait FeatureStore: Send + Sync {
    /// Keeps a new feature; its formula is version 1.
    async fn create_feature(
        &self,
        feature: Feature,
        audit: AuditRecord,
    ) -> Result<Feature, StoreError>;

    async fn feature(&self, owner: UserId, id: FeatureId) -> Result<Option<Feature>, StoreError>;

    /// Newest first.
    async fn features(&self, owner: UserId, page: PageRequest)
    -> Result<Page<Feature>, StoreError>;

    /// The owner's features of these names; names without a feature are left out.
    async fn features_named(
        &self,
        owner: UserId,
        names: &[String],
    ) -> Result<Vec<Feature>, StoreError>;

    /// Replaces what the owner writes; another formula becomes the next version. `None` when there
    /// is no such feature of this owner.
    async fn update_feature(
        &self,
        owner: UserId,
        id: FeatureId,
        draft: FeatureDraft,
        audit: AuditRecord,
    ) -> Result<Option<Feature>, StoreError>;

    /// Hides the feature; what was computed with it stays. `false` when there is none.
    async fn delete_feature(
        &self,
        owner: UserId,
        id: FeatureId,
        audit: AuditRecord,
    ) -> Result<bool, StoreError>;

    /// Every formula the feature has had, newest first; `None` when there is no such feature.
    async fn feature_versions(
        &self,
        owner: UserId,
        id: FeatureId,
    ) -> Result<Option<Vec<FeatureVersion>>, StoreError>;
}

/// The catalogue of computed columns in object storage.
///
/// A running attempt claims what is missing with its lease, and its completion makes it ready in
/// the transaction that settles it. A claim ends with its lease, or after its time.
#[async_trait]
pub trait FeatureCache: Send + Sync {
    /// Claims for a running attempt what is neither stored nor claimed by another one, all or
    /// nothing: whoever waits holds nothing that somebody else could wait for. What is ready
    /// counts as used now. Asking again under the same lease answers the same.
    async fn claim_features(
        &self,
        lease: LeaseId,
        version: DatasetVersionId,
        keys: &[FeatureKey],
        time: Duration,
    ) -> Result<FeatureClaim, StoreError>;

    /// The stored ones among these keys; they count as used now.
    async fn cached_features(&self, keys: &[FeatureKey]) -> Result<Vec<CachedFeature>, StoreError>;

    /// Those that have to go for the rest to fit into `bytes`, least recently used first, and
    /// claims that nobody holds any more.
    async fn evictable_features(
        &self,
        bytes: u64,
        limit: u32,
    ) -> Result<Vec<EvictableFeature>, StoreError>;

    /// Forgets those that have not been used meanwhile; answers how many.
    async fn forget_features(&self, gone: &[EvictableFeature]) -> Result<u64, StoreError>;
}
