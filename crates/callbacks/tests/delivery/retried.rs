use std::time::Duration;

use alphafleet_domain::ports::{CallbackState, CallbackStore};
use tokio::time::Instant;

use crate::fleet::{Fleet, settings};
use crate::receiver::{Answer, OK, Receiver};

#[tokio::test]
async fn a_receiver_in_trouble_is_asked_again() {
    let fleet = Fleet::start().await;
    let answers = vec![
        Answer::Says("503 Service Unavailable"),
        Answer::Nothing,
        Answer::Says("404 Not Found"),
        OK,
    ];
    let receiver = Receiver::start(answers).await;
    let job = fleet.ended(&receiver.url("/")).await;
    let delivery = fleet.deliver(settings());
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Delivered, 4));
    assert_eq!(delivery.stats.retried(), 3);
    delivery.stop().await;
    let received = receiver.received();
    assert_eq!(received.len(), 4);
    // The receiver can tell that it is one and the same.
    let ids = received.iter().map(|one| one.header("webhook-id"));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 1);
}

#[tokio::test]
async fn after_the_last_try_it_is_given_up_and_says_why() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![Answer::Says("500 Internal Server Error")]).await;
    let job = fleet.ended(&receiver.url("/")).await;
    let delivery = fleet.deliver(settings());
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Failed, 5));
    assert_eq!(callback.last_error.as_deref(), Some("answered 500"));
    assert_eq!((delivery.stats.given_up(), receiver.received().len()), (1, 5));
    delivery.stop().await;
}

#[tokio::test]
async fn gone_is_gone() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![Answer::Says("410 Gone"), OK]).await;
    let job = fleet.ended(&receiver.url("/")).await;
    let delivery = fleet.deliver(settings());
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Failed, 1));
    delivery.stop().await;
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn a_slow_target_holds_up_nobody() {
    let fleet = Fleet::start().await;
    let (slow, quick) =
        (Receiver::start(vec![Answer::Silence]).await, Receiver::start(vec![OK]).await);
    let other = fleet.user("bob").await;
    // The slow one's are due first, and are more than may be tried at once.
    for n in 0..20 {
        fleet.ended(&slow.url(&format!("/{n}"))).await;
    }
    let job = fleet.ended_of(other, &quick.url("/")).await;
    let mut narrow = settings();
    (narrow.concurrency, narrow.per_target) = (6, 4);
    narrow.timeout = Duration::from_secs(600);
    let delivery = fleet.deliver(narrow);
    assert_eq!(fleet.settled(job.id).await.state, CallbackState::Delivered);
    assert_eq!(slow.received().len(), 4);
    drop(delivery);
}

#[tokio::test]
async fn silence_ends_in_time() {
    let fleet = Fleet::start().await;
    let silent = Receiver::start(vec![Answer::Silence]).await;
    let job = fleet.ended(&silent.url("/")).await;
    let mut hurried = settings();
    hurried.timeout = Duration::from_millis(300);
    hurried.retries.tries = 1;
    let delivery = fleet.deliver(hurried);
    let callback = fleet.settled(job.id).await;
    assert_eq!(callback.state, CallbackState::Failed);
    assert_eq!(callback.last_error.as_deref(), Some("no answer in time"));
    delivery.stop().await;
}

#[tokio::test]
async fn whatever_follows_a_good_status_does_no_harm() {
    let fleet = Fleet::start().await;
    for answer in [Answer::Endless, Answer::Halting] {
        let receiver = Receiver::start(vec![answer.clone()]).await;
        let job = fleet.ended(&receiver.url("/")).await;
        let delivery = fleet.deliver(settings());
        let callback = fleet.settled(job.id).await;
        let delivered = (CallbackState::Delivered, 1);
        assert_eq!((callback.state, callback.tries), delivered, "{answer:?}");
        delivery.stop().await;
    }
}

#[tokio::test]
async fn nothing_is_lost_when_a_deliverer_goes_in_the_middle_of_it() {
    let fleet = Fleet::start().await;
    let silent = Receiver::start(vec![Answer::Silence]).await;
    let job = fleet.ended(&silent.url("/")).await;
    let mut patient = settings();
    patient.timeout = Duration::from_millis(500);
    let delivery = fleet.deliver(patient);
    let deadline = Instant::now() + crate::fleet::DEADLINE;
    while silent.received().is_empty() {
        assert!(Instant::now() < deadline, "it was never tried");
        tokio::task::yield_now().await;
    }
    delivery.stop().await;
    let callback = fleet.store.callback(job.id).await.unwrap().unwrap();
    assert!(matches!(callback.state, CallbackState::Waiting { .. }), "{callback:?}");
}
