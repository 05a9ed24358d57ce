//! Announcements of a job's end.

use std::time::Duration;

use alphafleet_domain::job::{Failure, FailureCode, Outcome};
use alphafleet_domain::ports::{Callback, CallbackState, CallbackTry, Submission};
use alphafleet_domain::{Job, User};

use super::AnyStore;
use super::support::*;

const URL: &str = "https://example.com/hook?a=1";
const LEASE: Duration = Duration::from_secs(60);

async fn announced(store: &AnyStore, owner: &User) -> Job {
    let url = Some(URL.to_owned());
    let submission =
        Submission { callback_url: url, ..Submission::new(probe(owner), audit("session.create")) };
    store.submit(submission).await.unwrap().into_job()
}

async fn take(store: &AnyStore) -> Vec<Callback> {
    store.take_callbacks(9, LEASE).await.unwrap()
}

pub async fn every_end_is_announced_once(store: AnyStore) {
    let owner = user(&store, 9).await;
    let worker = worker(&store).await;
    submit(&store, probe(&owner)).await;
    let (silent, lease) = claim(&store, worker).await;
    settled(&store, lease, completed()).await;
    assert!(store.callback(silent.id).await.unwrap().is_none(), "nobody asked for it");
    let permanent = Outcome::Failed(Failure::permanent(FailureCode::InvalidData, "bad"));
    for outcome in [completed(), permanent, Outcome::Cancelled] {
        let job = announced(&store, &owner).await;
        let (_, lease) = claim(&store, worker).await;
        assert!(store.callback(job.id).await.unwrap().is_none(), "it has not ended");
        settled(&store, lease, outcome.clone()).await;
        settle(&store, lease, outcome).await;
        let [callback] = take(&store).await.try_into().unwrap();
        assert_eq!((callback.job.id, callback.url.as_str(), callback.tries), (job.id, URL, 0));
        assert!(callback.job.state.name().is_terminal());
    }
    let pending = announced(&store, &owner).await;
    store.request_cancel(pending.id, audit("session.stop")).await.unwrap();
    assert_eq!(take(&store).await[0].job.id, pending.id);
}

pub async fn a_retry_is_no_end(store: AnyStore) {
    let owner = user(&store, 9).await;
    let worker = worker(&store).await;
    let job = announced(&store, &owner).await;
    for _ in 0..2 {
        let (_, lease) = claim(&store, worker).await;
        settled(&store, lease, failed()).await;
        assert!(take(&store).await.is_empty());
    }
    let (_, lease) = claim(&store, worker).await;
    settled(&store, lease, failed()).await;
    assert_eq!(take(&store).await[0].job.id, job.id);
}

pub async fn a_callback_is_tried_until_it_is_delivered_or_given_up(store: AnyStore) {
    let owner = user(&store, 9).await;
    let worker = worker(&store).await;
    let ended = async || {
        let job = announced(&store, &owner).await;
        let (_, lease) = claim(&store, worker).await;
        settled(&store, lease, completed()).await;
        job
    };
    let job = ended().await;
    let [taken] = take(&store).await.try_into().unwrap();
    assert!(take(&store).await.is_empty(), "it is leased");
    let again = CallbackTry::Again { error: "HTTP 500".to_owned(), wait: Duration::ZERO };
    store.note_callback(taken.id, &again).await.unwrap();
    let [taken] = take(&store).await.try_into().unwrap();
    assert_eq!((taken.tries, taken.last_error.as_deref()), (1, Some("HTTP 500")));
    store.note_callback(taken.id, &CallbackTry::Delivered).await.unwrap();
    let late = CallbackTry::GivenUp { error: "late".to_owned() };
    store.note_callback(taken.id, &late).await.unwrap();
    let callback = store.callback(job.id).await.unwrap().unwrap();
    assert_eq!((callback.state, callback.tries), (CallbackState::Delivered, 2));
    let job = ended().await;
    let [taken] = take(&store).await.try_into().unwrap();
    store.note_callback(taken.id, &late).await.unwrap();
    let callback = store.callback(job.id).await.unwrap().unwrap();
    assert_eq!(callback.state, CallbackState::Failed);
    assert!(take(&store).await.is_empty());
}
