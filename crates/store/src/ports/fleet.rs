use std::time::Duration;

use alphafleet_domain::ports::{
    Callback, CallbackId, CallbackStore, CallbackTry, PassHash, PassStore, Pruned, RetentionPolicy,
    RetentionStore, StoreError, SweepableAttempt,
};
use alphafleet_domain::{JobId, LeaseId, UserId};
use async_trait::async_trait;

use crate::Store;
use crate::store::{read, write};

#[async_trait]
impl CallbackStore for Store {
    async fn take_callbacks(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Callback>, StoreError> {
        write!(self, |connection, q| q::callbacks::take(connection, limit, lease))
    }

    async fn note_callback(&self, id: CallbackId, tried: &CallbackTry) -> Result<(), StoreError> {
        let tried = tried.clone();
        write!(self, |connection, q| q::callbacks::note(connection, id, tried))
    }

    async fn callback(&self, job: JobId) -> Result<Option<Callback>, StoreError> {
        read!(self, |connection, q| q::callbacks::of_job(connection, job))
    }
}

#[async_trait]
impl PassStore for Store {
    async fn keep_pass(
        &self,
        pass: PassHash,
        user: UserId,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        write!(self, |connection, q| q::passes::keep(connection, pass, user, ttl))
    }

    async fn redeem_pass(&self, pass: PassHash) -> Result<Option<UserId>, StoreError> {
        write!(self, |connection, q| q::passes::redeem(connection, pass))
    }
}

#[async_trait]
impl RetentionStore for Store {
    async fn prune(&self, policy: &RetentionPolicy) -> Result<Pruned, StoreError> {
        let policy = *policy;
        write!(self, |connection, q| q::retention::prune(connection, policy))
    }

    async fn sweepable(
        &self,
        idle: Duration,
        limit: u32,
    ) -> Result<Vec<SweepableAttempt>, StoreError> {
        read!(self, |connection, q| q::retention::sweepable(connection, idle, limit))
    }

    async fn swept(&self, leases: &[LeaseId]) -> Result<(), StoreError> {
        let leases = leases.to_vec();
        write!(self, |connection, q| q::retention::swept(connection, leases))
    }
}
