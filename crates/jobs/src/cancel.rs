use std::sync::Arc;

use alphafleet_domain::JobId;
use alphafleet_domain::ports::{CancelAnswer, JobStore, StoreError};
use serde_json::Value;

use crate::{Announcer, Origin};

/// Stops jobs: a pending one at once, a running one through its worker's next beat.
#[derive(Clone)]
pub struct Cancel {
    store: Arc<dyn JobStore>,
    announcer: Announcer,
}

impl Cancel {
    pub fn new(store: Arc<dyn JobStore>, announcer: Announcer) -> Self {
        Self { store, announcer }
    }

    /// Answers once the request is committed. Needs a tokio runtime, as [`Submit`] does.
    ///
    /// [`Submit`]: crate::Submit
    pub async fn cancel(&self, job: JobId, origin: &Origin) -> Result<CancelAnswer, StoreError> {
        let audit = origin.audit("session.stop", job, Value::Null);
        let answer = self.store.request_cancel(job, audit).await?;
        if let CancelAnswer::Cancelled(job) | CancelAnswer::Requested(job) = &answer {
            let (announcer, job) = (self.announcer.clone(), job.clone());
            tokio::spawn(async move { announcer.announce(&job, None).await });
        }
        Ok(answer)
    }
}
