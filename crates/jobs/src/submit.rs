use std::sync::Arc;

use alphafleet_domain::ports::{
    IdempotencyKey, JobStore, NewJob, Submission, SubmitError, Submitted,
};
use serde_json::json;

use crate::{Announcer, Origin};

/// A job that somebody wants run. Its specification is validated already.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitRequest {
    pub job: NewJob,
    pub idempotency: Option<IdempotencyKey>,
    pub origin: Origin,
    /// W3C trace context of the request; travels with the ticket.
    pub traceparent: Option<String>,
}

/// Takes jobs in. An answer means that the job is committed and will end exactly once.
#[derive(Clone)]
pub struct Submit {
    store: Arc<dyn JobStore>,
    announcer: Announcer,
}

impl Submit {
    pub fn new(store: Arc<dyn JobStore>, announcer: Announcer) -> Self {
        Self { store, announcer }
    }

    /// Answers once the job is committed, whether or not broker and event bus are there. Needs a
    /// tokio runtime: they are told in a task of their own.
    pub async fn submit(&self, request: SubmitRequest) -> Result<Submitted, SubmitError> {
        let SubmitRequest { job, idempotency, origin, traceparent } = request;
        let details = json!({ "kind": job.kind.as_str(), "queue": job.queue.as_str() });
        let audit = origin.audit("session.submit", job.id, details);
        let submitted = self.store.submit(Submission { job, idempotency, audit }).await?;
        if let Submitted::New(job) = &submitted {
            let (announcer, job) = (self.announcer.clone(), job.clone());
            tokio::spawn(async move { announcer.announce(&job, traceparent).await });
        }
        Ok(submitted)
    }
}
