//! On a real RabbitMQ: the suite, and what happens when it goes away.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_broker::{QueueType, RabbitBroker, RabbitSettings};
use alphafleet_domain::ports::{Broker, BrokerError, Delivery, Ticket, TicketConsumer};
use alphafleet_domain::{JobId, Queue};
use alphafleet_testkit::tls::Certificates;
use alphafleet_testkit::{conformance, rabbitmq};
use tokio::time::{Instant, sleep, timeout};

const DEADLINE: Duration = Duration::from_secs(30);

fn settings(url: &str) -> RabbitSettings {
    let namespace = format!("test{}", uuid::Uuid::new_v4().simple());
    RabbitSettings { namespace, ..RabbitSettings::new(url) }
}

fn ticket(queue: &Queue) -> Ticket {
    Ticket { queue: queue.clone(), job: JobId::new(), traceparent: None }
}

/// A broker with the usual queues on a server of its own, which it may break.
async fn breakable(lines: &[&str]) -> Option<(rabbitmq::Server, RabbitBroker)> {
    let server = rabbitmq::Server::start_with(lines)?;
    let broker = RabbitBroker::new(settings(server.url())).unwrap();
    broker.declare_topology(&Queue::bases()).await.unwrap();
    Some((server, broker))
}

/// The next ticket, over as many consumers as it takes, as a worker does.
async fn next(
    broker: &RabbitBroker,
    consumer: &mut Option<Box<dyn TicketConsumer>>,
) -> Box<dyn Delivery> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < deadline, "no ticket came");
        let opened = match consumer.take() {
            Some(opened) => Ok(opened),
            None => broker.consume(&[Queue::training()], 1).await,
        };
        if let Ok(mut opened) = opened
            && let Ok(Ok(delivery)) = timeout(Duration::from_secs(5), opened.next()).await
        {
            *consumer = Some(opened);
            return delivery;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Publishes as soon as the server takes it.
async fn publish(broker: &RabbitBroker) -> JobId {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let ticket = ticket(&Queue::training());
        let job = ticket.job;
        match broker.publish(ticket).await {
            Ok(()) => return job,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn classic_queues_conform() {
    let Some(server) = rabbitmq::shared() else { return };
    let broker = RabbitBroker::new(settings(server.url())).unwrap();
    broker.declare_topology(&Queue::bases()).await.unwrap();
    conformance::broker::all(&broker).await;
    broker.close().await;
    assert!(matches!(broker.ping().await, Err(BrokerError::Closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quorum_queues_conform() {
    let Some(server) = rabbitmq::shared() else { return };
    let wanted = RabbitSettings { queue_type: QueueType::Quorum, ..settings(server.url()) };
    let broker = RabbitBroker::new(wanted).unwrap();
    broker.declare_topology(&Queue::bases()).await.unwrap();
    conformance::broker::all(&broker).await;
}

#[tokio::test]
async fn a_queue_of_another_type_is_refused_by_name() {
    let Some(server) = rabbitmq::shared() else { return };
    let classic = settings(server.url());
    let quorum = RabbitSettings { queue_type: QueueType::Quorum, ..classic.clone() };
    let declare = async |settings: RabbitSettings| {
        RabbitBroker::new(settings).unwrap().declare_topology(&Queue::bases()).await
    };
    declare(classic.clone()).await.unwrap();
    declare(classic).await.expect("what is there already stays");
    match declare(quorum).await.unwrap_err() {
        BrokerError::OtherQueue { queue } => assert!(queue.ends_with(".dead"), "{queue}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_malformed_ticket_is_put_aside() {
    let Some(server) = rabbitmq::shared() else { return };
    let wanted = settings(server.url());
    let broker = RabbitBroker::new(wanted.clone()).unwrap();
    broker.declare_topology(&Queue::bases()).await.unwrap();
    let raw = lapin::Connection::connect(server.url(), Default::default()).await.unwrap();
    let channel = raw.create_channel().await.unwrap();
    let queue = format!("{}.training", wanted.namespace);
    let say = async |body: &[u8]| {
        let key = queue.as_str().into();
        let options = lapin::options::BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), key, options, body, Default::default()).await;
        sent.unwrap().await.unwrap();
    };
    say(b"{ not a ticket").await;
    let sent = publish(&broker).await;
    let mut consumer = None;
    let delivery = next(&broker, &mut consumer).await;
    assert_eq!(delivery.ticket().job, sent);
    delivery.ack().await.unwrap();
    let dead = format!("{}.dead", wanted.namespace);
    let deadline = Instant::now() + DEADLINE;
    loop {
        let options = lapin::options::BasicGetOptions { no_ack: true };
        let got = channel.basic_get(dead.as_str().into(), options).await.unwrap();
        if let Some(message) = got {
            assert_eq!(message.delivery.data, b"{ not a ticket");
            break;
        }
        assert!(Instant::now() < deadline, "no dead letter");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_keeps_tickets_and_delivers_again_what_was_out() {
    let Some((mut server, broker)) = breakable(&[]).await else { return };
    let (first, second) = (publish(&broker).await, publish(&broker).await);
    let mut consumer = None;
    let held = next(&broker, &mut consumer).await;
    assert_eq!(held.ticket().job, first);
    server.kill();
    let refused = timeout(DEADLINE, broker.publish(ticket(&Queue::training()))).await;
    refused.expect("the wait is bounded").expect_err("nobody is there");
    timeout(DEADLINE, broker.ping()).await.expect("the wait is bounded").expect_err("nobody");
    server.start_again();
    held.ack().await.expect("a late acknowledgement is harmless");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let delivery = next(&broker, &mut consumer).await;
        seen.push(delivery.ticket().job);
        delivery.ack().await.unwrap();
    }
    seen.sort();
    assert_eq!(seen, [first, second], "ids grow with time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_forgot_is_declared_again() {
    let Some((mut server, broker)) = breakable(&[]).await else { return };
    let mut consumer = Some(broker.consume(&[Queue::training()], 1).await.unwrap());
    server.kill();
    server.wipe_and_start_again();
    // The publisher comes first here, the consumer in the next round.
    let sent = publish(&broker).await;
    let delivery = next(&broker, &mut consumer).await;
    assert_eq!(delivery.ticket().job, sent);
    delivery.ack().await.unwrap();
    server.kill();
    server.wipe_and_start_again();
    let deadline = Instant::now() + DEADLINE;
    let mut consumer = loop {
        match broker.consume(&[Queue::training()], 1).await {
            Ok(consumer) => break Some(consumer),
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    };
    let sent = publish(&broker).await;
    assert_eq!(next(&broker, &mut consumer).await.ticket().job, sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_holds_nobody_up_for_long() {
    let Some((server, broker)) = breakable(&[]).await else { return };
    publish(&broker).await;
    server.pause();
    let refused = timeout(DEADLINE, broker.publish(ticket(&Queue::training()))).await;
    refused.expect("the wait is bounded").expect_err("nobody answers");
    timeout(DEADLINE, broker.ping()).await.expect("the wait is bounded").expect_err("nobody");
    server.resume();
    publish(&broker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_held_for_too_long_comes_again_and_consuming_goes_on() {
    let Some((_server, broker)) = breakable(&["consumer_timeout = 1000"]).await else { return };
    let first = publish(&broker).await;
    let (mut consumer, mut other) = (None, None);
    let held = next(&broker, &mut consumer).await;
    let again = next(&broker, &mut other).await;
    assert_eq!(again.ticket().job, first);
    assert!(again.redelivered());
    again.ack().await.unwrap();
    held.ack().await.expect("a late acknowledgement is harmless");
    drop(other);
    let second = publish(&broker).await;
    assert_eq!(next(&broker, &mut consumer).await.ticket().job, second);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_it() {
    let Some(server) = rabbitmq::shared() else { return };
    let url = server.url().replace("guest:guest", "guest:opensesame");
    let broker = RabbitBroker::new(settings(&url)).unwrap();
    let refused = broker.declare_topology(&Queue::bases()).await.unwrap_err();
    assert!(
        !format!("{refused:?} {broker_settings:?}", broker_settings = settings(&url))
            .contains("opensesame")
    );
}

#[test]
fn a_url_of_something_else_is_refused() {
    for url in ["", "localhost", "http://localhost"] {
        assert!(RabbitBroker::new(RabbitSettings::new(url)).is_err(), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_trusts_the_authority_it_is_given_alone() {
    let certificates = Certificates::make();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lines = [
        format!("listeners.ssl.1 = 127.0.0.1:{port}"),
        format!("ssl_options.cacertfile = {}", certificates.authority().display()),
        format!("ssl_options.certfile = {}", certificates.certificate().display()),
        format!("ssl_options.keyfile = {}", certificates.key().display()),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let Some(_server) = rabbitmq::Server::start_with(&lines) else { return };
    let url = format!("amqps://guest:guest@localhost:{port}");
    let ca_pem = Some(certificates.ca_pem());
    let trusting = RabbitBroker::new(RabbitSettings { ca_pem, ..settings(&url) }).unwrap();
    trusting.declare_topology(&Queue::bases()).await.unwrap();
    publish(&trusting).await;
    let strange = RabbitBroker::new(settings(&url)).unwrap();
    strange.ping().await.expect_err("nobody here knows that authority");
}
