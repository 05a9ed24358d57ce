//! What every broker does, whatever carries its tickets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use alphafleet_domain::ports::{Broker, Delivery, Ticket, TicketConsumer};
use alphafleet_domain::{JobId, Queue};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);
/// Long enough for a wrong delivery to arrive.
const QUIET: Duration = Duration::from_millis(150);

/// Runs the whole suite, each case on queues of its own.
pub async fn all(broker: &dyn Broker) {
    answers_a_ping(broker).await;
    carries_a_ticket_unchanged(broker).await;
    keeps_tickets_until_somebody_consumes(broker).await;
    delivers_in_order(broker).await;
    gives_one_ticket_at_a_time(broker).await;
    delivers_again_what_was_dropped(broker).await;
    delivers_again_when_the_consumer_is_gone(broker).await;
    forgets_what_was_acknowledged(broker).await;
    shares_tickets_among_consumers(broker).await;
    serves_several_queues(broker).await;
    loses_nothing_when_a_wait_is_given_up(broker).await;
    bears_an_acknowledgement_after_its_consumer(broker).await;
    gives_as_many_tickets_as_were_asked_for(broker).await;
    publishes_many_at_once(broker).await;
}

pub async fn answers_a_ping(broker: &dyn Broker) {
    broker.ping().await.expect("a broker that is up answers");
}

pub async fn carries_a_ticket_unchanged(broker: &dyn Broker) {
    let queue = fresh_queue();
    let traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned());
    let sent = Ticket { traceparent, ..ticket(&queue) };
    broker.publish(sent.clone()).await.unwrap();
    let delivery = next(&mut *consumer(broker, &[&queue]).await).await;
    assert_eq!(delivery.ticket(), &sent);
    assert!(!delivery.redelivered(), "this was its first delivery");
    delivery.ack().await.unwrap();
}

pub async fn keeps_tickets_until_somebody_consumes(broker: &dyn Broker) {
    let queue = fresh_queue();
    let sent = publish(broker, &queue, 3).await;
    let mut consumer = consumer(broker, &[&queue]).await;
    assert_eq!(drain(&mut *consumer, 3).await, sent);
}

pub async fn delivers_in_order(broker: &dyn Broker) {
    let queue = fresh_queue();
    let mut consumer = consumer(broker, &[&queue]).await;
    let sent = publish(broker, &queue, 20).await;
    assert_eq!(drain(&mut *consumer, 20).await, sent);
}

pub async fn gives_one_ticket_at_a_time(broker: &dyn Broker) {
    let queue = fresh_queue();
    let sent = publish(broker, &queue, 2).await;
    let mut consumer = consumer(broker, &[&queue]).await;
    let first = next(&mut *consumer).await;
    assert!(is_quiet(&mut *consumer).await, "a second ticket came before the acknowledgement");
    first.ack().await.unwrap();
    let second = next(&mut *consumer).await;
    assert_eq!(second.ticket().job, sent[1]);
    second.ack().await.unwrap();
}

pub async fn delivers_again_what_was_dropped(broker: &dyn Broker) {
    let queue = fresh_queue();
    let sent = publish(broker, &queue, 2).await;
    let mut consumer = consumer(broker, &[&queue]).await;
    drop(next(&mut *consumer).await);
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let delivery = next(&mut *consumer).await;
        let was_dropped = delivery.ticket().job == sent[0];
        assert_eq!(delivery.redelivered(), was_dropped);
        seen.insert(delivery.ticket().job);
        delivery.ack().await.unwrap();
    }
    assert_eq!(seen, sent.into_iter().collect());
}

pub async fn delivers_again_when_the_consumer_is_gone(broker: &dyn Broker) {
    let queue = fresh_queue();
    let sent = publish(broker, &queue, 1).await;
    let mut dying = consumer(broker, &[&queue]).await;
    let held = next(&mut *dying).await;
    drop(held);
    drop(dying);
    let delivery = next(&mut *consumer(broker, &[&queue]).await).await;
    assert_eq!(delivery.ticket().job, sent[0]);
    assert!(delivery.redelivered(), "its first consumer may have died of it");
    delivery.ack().await.unwrap();
}

pub async fn forgets_what_was_acknowledged(broker: &dyn Broker) {
    let queue = fresh_queue();
    publish(broker, &queue, 1).await;
    let mut first = consumer(broker, &[&queue]).await;
    next(&mut *first).await.ack().await.unwrap();
    drop(first);
    assert!(is_quiet(&mut *consumer(broker, &[&queue]).await).await, "it was delivered again");
}

pub async fn shares_tickets_among_consumers(broker: &dyn Broker) {
    let queue = fresh_queue();
    let mut left = consumer(broker, &[&queue]).await;
    let mut right = consumer(broker, &[&queue]).await;
    let sent = publish(broker, &queue, 2).await;
    // Both hold one at the same time, so neither can have got both.
    let (one, other) = tokio::join!(next(&mut *left), next(&mut *right));
    let seen = BTreeSet::from([one.ticket().job, other.ticket().job]);
    assert_eq!(seen, sent.into_iter().collect());
    one.ack().await.unwrap();
    other.ack().await.unwrap();
}

pub async fn serves_several_queues(broker: &dyn Broker) {
    let (busy, calm, foreign) = (fresh_queue(), fresh_queue(), fresh_queue());
    let mut sent = publish(broker, &busy, 10).await;
    sent.extend(publish(broker, &calm, 1).await);
    publish(broker, &foreign, 1).await;
    let mut consumer = consumer(broker, &[&busy, &calm]).await;
    let seen: BTreeSet<_> = drain(&mut *consumer, 11).await.into_iter().collect();
    assert_eq!(seen, sent.into_iter().collect());
    assert!(is_quiet(&mut *consumer).await, "a ticket of a foreign queue was delivered");
}

pub async fn loses_nothing_when_a_wait_is_given_up(broker: &dyn Broker) {
    let queue = fresh_queue();
    let mut consumer = consumer(broker, &[&queue]).await;
    assert!(is_quiet(&mut *consumer).await);
    let sent = publish(broker, &queue, 2).await;
    assert_eq!(drain(&mut *consumer, 2).await, sent);
}

pub async fn bears_an_acknowledgement_after_its_consumer(broker: &dyn Broker) {
    let queue = fresh_queue();
    publish(broker, &queue, 1).await;
    let mut consumer = consumer(broker, &[&queue]).await;
    let delivery = next(&mut *consumer).await;
    drop(consumer);
    delivery.ack().await.expect("a late acknowledgement is harmless");
}

pub async fn gives_as_many_tickets_as_were_asked_for(broker: &dyn Broker) {
    let queue = fresh_queue();
    let sent = publish(broker, &queue, 5).await;
    let mut consumer = broker.consume(std::slice::from_ref(&queue), 3).await.unwrap();
    let mut held = vec![next(&mut *consumer).await];
    held.push(next(&mut *consumer).await);
    held.push(next(&mut *consumer).await);
    let jobs: Vec<JobId> = held.iter().map(|delivery| delivery.ticket().job).collect();
    assert_eq!(jobs, sent[..3]);
    assert!(is_quiet(&mut *consumer).await, "a fourth ticket came with three out");
    assert!(consumer.next_at_hand().is_none(), "a fourth ticket was at hand with three out");
    held.remove(0).ack().await.unwrap();
    assert_eq!(next(&mut *consumer).await.ticket().job, sent[3]);
}

pub async fn publishes_many_at_once(broker: &dyn Broker) {
    let queue = fresh_queue();
    let tickets: Vec<Ticket> = (0..500).map(|_| ticket(&queue)).collect();
    let sent: Vec<JobId> = tickets.iter().map(|ticket| ticket.job).collect();
    broker.publish_all(tickets).await.unwrap();
    let mut consumer = broker.consume(std::slice::from_ref(&queue), 100).await.unwrap();
    let (mut jobs, mut at_hand) = (Vec::new(), 0);
    while jobs.len() < sent.len() {
        let mut held = vec![next(&mut *consumer).await];
        while let Some(delivery) = consumer.next_at_hand() {
            at_hand += 1;
            held.push(delivery);
        }
        for delivery in held {
            jobs.push(delivery.ticket().job);
            delivery.ack().await.unwrap();
        }
    }
    assert_eq!(jobs, sent);
    assert!(at_hand > 0, "nothing was ever at hand");
}

fn fresh_queue() -> Queue {
    format!("default.{}", JobId::new().as_uuid().simple()).parse().expect("a legal queue")
}

fn ticket(queue: &Queue) -> Ticket {
    Ticket { queue: queue.clone(), job: JobId::new(), traceparent: None }
}

async fn publish(broker: &dyn Broker, queue: &Queue, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        let ticket = ticket(queue);
        jobs.push(ticket.job);
        broker.publish(ticket).await.expect("the broker takes a ticket");
    }
    jobs
}

async fn consumer(broker: &dyn Broker, queues: &[&Queue]) -> Box<dyn TicketConsumer> {
    let queues: Vec<Queue> = queues.iter().map(|&queue| queue.clone()).collect();
    broker.consume(&queues, 1).await.expect("the broker takes a consumer")
}

async fn next(consumer: &mut dyn TicketConsumer) -> Box<dyn Delivery> {
    timeout(DEADLINE, consumer.next()).await.expect("a ticket comes").expect("the broker is up")
}

async fn drain(consumer: &mut dyn TicketConsumer, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        let delivery = next(consumer).await;
        jobs.push(delivery.ticket().job);
        delivery.ack().await.expect("the broker takes an acknowledgement");
    }
    jobs
}

async fn is_quiet(consumer: &mut dyn TicketConsumer) -> bool {
    timeout(QUIET, consumer.next()).await.is_err()
}
