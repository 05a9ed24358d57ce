use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::UserId;

/// One-time passes for WebSockets: issued by one gateway, redeemed at any.
#[async_trait]
pub trait PassStore: Send + Sync {
    /// Keeps a pass that is good for `ttl`; passes that have run out go.
    async fn keep_pass(
        &self,
        pass: PassHash,
        user: UserId,
        ttl: Duration,
    ) -> Result<(), StoreError>;

    /// Uses a pass up. `None` when there is none of that hash, or it has run out.
    async fn redeem_pass(&self, pass: PassHash) -> Result<Option<UserId>, StoreError>;
}

/// SHA-256 of a pass: the pass itself is nowhere kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PassHash(pub [u8; 32]);
