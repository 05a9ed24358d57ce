use std::time::Duration;

use alphafleet_domain::ports::{FeatureCache, FeatureStore, StoreError};
use alphafleet_domain::{
    AuditRecord, CachedFeature, DatasetVersionId, EvictableFeature, Feature, FeatureClaim,
    FeatureDraft, FeatureId, FeatureKey, FeatureVersion, LeaseId, Page, PageRequest, UserId,
};
use async_trait::async_trait;

use crate::Store;
use crate::store::{read, write};

#[async_trait]
impl FeatureStore for Store {
    async fn create_feature(
        &self,
        feature: Feature,
        audit: AuditRecord,
    ) -> Result<Feature, StoreError> {
        write!(self, |connection, q| q::features::create(connection, feature, audit))
    }

    async fn feature(&self, owner: UserId, id: FeatureId) -> Result<Option<Feature>, StoreError> {
        read!(self, |connection, q| q::features::feature(connection, owner, id))
    }

    async fn features(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<Feature>, StoreError> {
        read!(self, |connection, q| q::features::page(connection, owner, page))
    }

    async fn features_named(
        &self,
        owner: UserId,
        names: &[String],
    ) -> Result<Vec<Feature>, StoreError> {
        let names = names.to_vec();
        read!(self, |connection, q| q::features::named(connection, owner, names))
    }

    async fn update_feature(
        &self,
        owner: UserId,
        id: FeatureId,
        draft: FeatureDraft,
        audit: AuditRecord,
    ) -> Result<Option<Feature>, StoreError> {
        write!(self, |connection, q| q::features::update(connection, owner, id, draft, audit))
    }

    async fn delete_feature(
        &self,
        owner: UserId,
        id: FeatureId,
        audit: AuditRecord,
    ) -> Result<bool, StoreError> {
        write!(self, |connection, q| q::features::delete(connection, owner, id, audit))
    }

    async fn feature_versions(
        &self,
        owner: UserId,
        id: FeatureId,
    ) -> Result<Option<Vec<FeatureVersion>>, StoreError> {
        read!(self, |connection, q| q::features::versions(connection, owner, id))
    }
}

#[async_trait]
impl FeatureCache for Store {
    async fn claim_features(
        &self,
        lease: LeaseId,
        version: DatasetVersionId,
        keys: &[FeatureKey],
        time: Duration,
    ) -> Result<FeatureClaim, StoreError> {
        let keys = keys.to_vec();
        write!(self, |connection, q| q::feature_cache::claim(
            connection, lease, version, keys, time
        ))
    }

    async fn cached_features(&self, keys: &[FeatureKey]) -> Result<Vec<CachedFeature>, StoreError> {
        let keys = keys.to_vec();
        write!(self, |connection, q| q::feature_cache::cached(connection, keys))
    }

    async fn evictable_features(
        &self,
        bytes: u64,
        limit: u32,
    ) -> Result<Vec<EvictableFeature>, StoreError> {
        read!(self, |connection, q| q::feature_cache::evictable(connection, bytes, limit))
    }

    async fn forget_features(&self, gone: &[EvictableFeature]) -> Result<u64, StoreError> {
        let gone = gone.to_vec();
        write!(self, |connection, q| q::feature_cache::forget(connection, gone))
    }
}
