use std::sync::Arc;

use alphafleet_domain::ports::{
    IdempotencyKey, JobStore, NewJob, Submission, SubmitError, Submitted, Ticket,
};
use alphafleet_domain::{Job, UserId};
use serde_json::json;

use crate::{Announcer, Origin};

/// A job that somebody wants run. Its specification is validated already.
#[derive(Debug, Clone, PartialEq)]
pub struct SubmitRequest {
    pub job: NewJob,
    /// Jobs that it waits for, see [`Submission::children`].
    pub children: Vec<NewJob>,
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
            children: Vec::new(),
            idempotency: None,
            experiment: None,
            callback_url: None,
            origin,
            traceparent: None,
        }
    }

    fn into_submission(self) -> Submission {
        let Self { job, children, idempotency, experiment, callback_url, origin, .. } = self;
        let mut details = json!({ "kind": job.kind.as_str(), "queue": job.queue.as_str() });
        if !children.is_empty() {
            details["children"] = children.len().into();
        }
        let audit = origin.audit("session.submit", job.id, details);
        Submission { job, children, idempotency, experiment, callback_url, audit }
    }

    /// Of the children that are due.
    fn tickets_of_children(&self) -> Vec<Ticket> {
        let due = self.children.iter().filter(|child| child.not_before.is_none());
        due.map(|child| Ticket { queue: child.queue.clone(), job: child.id, traceparent: None })
            .collect()
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
        let (traceparent, children) = (request.traceparent.clone(), request.tickets_of_children());
        let submitted = self.store.submit(request.into_submission()).await?;
        if let Submitted::New(job) = &submitted {
            let (announcer, job) = (self.announcer.clone(), job.clone());
            tokio::spawn(async move {
                announcer.announce_with(&[job], children, traceparent).await;
            });
        }
        Ok(submitted)
    }

    /// Like [`Submit::submit`] for many jobs of one owner: all of them or none, in one transaction.
    pub async fn submit_all(
        &self,
        requests: Vec<SubmitRequest>,
    ) -> Result<Vec<Submitted>, SubmitError> {
        let children: Vec<_> = requests.iter().map(SubmitRequest::tickets_of_children).collect();
        let submissions = requests.into_iter().map(SubmitRequest::into_submission).collect();
        let submitted = self.store.submit_all(submissions).await?;
        let (mut new, mut tickets) = (Vec::new(), Vec::new());
        for (submitted, children) in submitted.iter().zip(children) {
            if let Submitted::New(job) = submitted {
                new.push(job.clone());
                tickets.extend(children);
            }
        }
        if !new.is_empty() {
            let announcer = self.announcer.clone();
            tokio::spawn(async move { announcer.announce_with(&new, tickets, None).await });
        }
        Ok(submitted)
    }
}
