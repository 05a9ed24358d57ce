use std::sync::Arc;

use alphafleet_domain::ports::{
    IdempotencyKey, JobStore, NewJob, Submission, SubmitError, Submitted,
};
use alphafleet_domain::{Job, UserId};
use serde_json::json;

use crate::{Announcer, Origin};

/// A job that somebody wants run. Its specification is validated already.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitRequest {
    pub job: NewJob,
    pub idempotency: Option<IdempotencyKey>,
    /// Name of the owner's experiment the job joins; made with it if there is none.
    pub experiment: Option<String>,
    /// Where the job's end is announced.
    pub callback_url: Option<String>,
    pub origin: Origin,
    /// W3C trace context of the request; travels with the ticket.
    pub traceparent: Option<String>,
}

impl SubmitRequest {
    pub const fn new(job: NewJob, origin: Origin) -> Self {
        Self {
            job,
            idempotency: None,
            experiment: None,
            callback_url: None,
            origin,
            traceparent: None,
        }
    }

    fn into_submission(self) -> Submission {
        let Self { job, idempotency, experiment, callback_url, origin, .. } = self;
        let details = json!({ "kind": job.kind.as_str(), "queue": job.queue.as_str() });
        let audit = origin.audit("session.submit", job.id, details);
        Submission { job, idempotency, experiment, callback_url, audit }
    }
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

    /// The job that an earlier request under this key started. Asked before the request is
    /// validated: what it was valid against may have changed since.
    pub async fn earlier(
        &self,
        owner: UserId,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<Job>, SubmitError> {
        match key {
            Some(key) => self.store.submitted(owner, key).await,
            None => Ok(None),
        }
    }

    /// Answers once the job is committed, whether or not broker and event bus are there. Needs a
    /// tokio runtime: they are told in a task of their own.
    pub async fn submit(&self, request: SubmitRequest) -> Result<Submitted, SubmitError> {
        let traceparent = request.traceparent.clone();
        let submitted = self.store.submit(request.into_submission()).await?;
        if let Submitted::New(job) = &submitted {
            let (announcer, job) = (self.announcer.clone(), job.clone());
            tokio::spawn(async move { announcer.announce(&job, traceparent).await });
        }
        Ok(submitted)
    }

    /// Like [`Submit::submit`] for many jobs of one owner: all of them or none, in one transaction.
    pub async fn submit_all(
        &self,
        requests: Vec<SubmitRequest>,
    ) -> Result<Vec<Submitted>, SubmitError> {
        let submissions = requests.into_iter().map(SubmitRequest::into_submission).collect();
        let submitted = self.store.submit_all(submissions).await?;
        let new = submitted.iter().filter_map(|submitted| match submitted {
            Submitted::New(job) => Some(job.clone()),
            Submitted::Replayed(_) => None,
        });
        let new: Vec<Job> = new.collect();
        if !new.is_empty() {
            let announcer = self.announcer.clone();
            tokio::spawn(async move { announcer.announce_all(&new).await });
        }
        Ok(submitted)
    }
}
