use alphafleet_domain::ports::{CallbackState, CallbackStore};

use crate::fleet::{Fleet, settings};
use crate::receiver::{Answer, OK, Receiver};

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![OK]).await;
    // A name of this machine's own that is not `localhost`, or else that.
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let port = receiver.address.port();
    let mut names = vec!["localhost".to_owned()];
    names.extend(Some(host.trim().to_owned()).filter(|host| !host.is_empty()));
    for name in names {
        let job = fleet.ended(&format!("http://{name}:{port}/")).await;
        let mut strict = settings();
        strict.allowed_networks.clear();
        strict.retries.tries = 2;
        let delivery = fleet.deliver(strict);
        let callback = fleet.settled(job.id).await;
        assert_eq!(callback.state, CallbackState::Failed, "{name}");
        delivery.stop().await;
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn an_allowed_name_is_called_at_its_checked_address() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![OK]).await;
    let port = receiver.address.port();
    let job = fleet.ended(&format!("http://localhost:{port}/")).await;
    let mut lenient = settings();
    lenient.allowed_networks = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
    let delivery = fleet.deliver(lenient);
    assert_eq!(fleet.settled(job.id).await.state, CallbackState::Delivered);
    delivery.stop().await;
    assert_eq!(receiver.received()[0].header("host"), format!("localhost:{port}"));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let fleet = Fleet::start().await;
    let inside = Receiver::start(vec![OK]).await;
    let elsewhere = format!("307 Temporary Redirect\r\nLocation: {}", inside.url("/"));
    let receiver = Receiver::start(vec![Answer::Says(elsewhere.leak())]).await;
    let job = fleet.ended(&receiver.url("/")).await;
    let mut once = settings();
    once.retries.tries = 2;
    let delivery = fleet.deliver(once);
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Failed, 2));
    let why = "answered 307; redirects are not followed";
    assert_eq!(callback.last_error.as_deref(), Some(why));
    delivery.stop().await;
    assert_eq!((receiver.received().len(), inside.received().len()), (2, 0));
}

#[tokio::test]
async fn a_literal_address_that_is_no_longer_allowed_is_given_up() {
    let fleet = Fleet::start().await;
    let receiver = Receiver::start(vec![OK]).await;
    let job = fleet.ended(&receiver.url("/")).await;
    let mut strict = settings();
    strict.allowed_networks.clear();
    let delivery = fleet.deliver(strict);
    let callback = fleet.settled(job.id).await;
    assert_eq!((callback.state, callback.tries), (CallbackState::Failed, 1));
    delivery.stop().await;
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn why_nothing_came_tells_nothing_of_our_network() {
    let fleet = Fleet::start().await;
    let job = fleet.ended("http://no-such-host.invalid/").await;
    let mut once = settings();
    once.retries.tries = 1;
    let delivery = fleet.deliver(once);
    let callback = fleet.settled(job.id).await;
    let why = "the name \"no-such-host.invalid\" leads nowhere";
    assert_eq!(callback.last_error.as_deref(), Some(why));
    delivery.stop().await;
    assert!(fleet.store.callback(job.id).await.unwrap().is_some());
}
