use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::{Instant, Job, JobId};

/// Announcements of a job's end to an address its owner gave. They are written in the transaction
/// that ends the job, so none is lost, and are delivered at least once.
#[async_trait]
pub trait CallbackStore: Send + Sync {
    /// Due callbacks, oldest first, leased to the caller for `lease`.
    async fn take_callbacks(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Callback>, StoreError>;

    /// Notes how a delivery went.
    async fn note_callback(&self, id: CallbackId, tried: &CallbackTry) -> Result<(), StoreError>;

    /// The job's callback, if it has one and has ended.
    async fn callback(&self, job: JobId) -> Result<Option<Callback>, StoreError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallbackId(pub i64);

#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    pub id: CallbackId,
    /// The job as it ended.
    pub job: Job,
    pub url: String,
    /// Deliveries tried so far.
    pub tries: u32,
    pub state: CallbackState,
    pub last_error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackState {
    /// Not to be tried before `due`.
    Waiting {
        due: Instant,
    },
    Delivered,
    /// Given up.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackTry {
    Delivered,
    /// To be tried again after `wait`.
    Again {
        error: String,
        wait: Duration,
    },
    GivenUp {
        error: String,
    },
}
