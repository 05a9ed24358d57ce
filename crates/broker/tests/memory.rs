#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use alphafleet_broker::MemoryBroker;
use alphafleet_domain::ports::{Broker, BrokerError, Ticket};
use alphafleet_domain::{JobId, Queue};
use alphafleet_testkit::conformance;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

fn ticket(queue: &Queue) -> Ticket {
    Ticket { queue: queue.clone(), job: JobId::new(), traceparent: None }
}

#[tokio::test]
async fn conforms() {
    conformance::broker::all(&MemoryBroker::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_tickets_is_delivered_once_among_many_consumers() {
    const TICKETS: usize = 2_000;
    let broker = MemoryBroker::new();
    let queue = Queue::training();
    let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (broker, queue, done) = (broker.clone(), queue.clone(), done.clone());
            tokio::spawn(async move {
                let mut consumer = broker.consume(&[queue], 1).await.unwrap();
                while let Ok(delivery) = consumer.next().await {
                    done.send(delivery.ticket().job).unwrap();
                    delivery.ack().await.unwrap();
                }
            })
        })
        .collect();
    let mut sent = Vec::new();
    for _ in 0..TICKETS {
        let ticket = ticket(&queue);
        sent.push(ticket.job);
        broker.publish(ticket).await.unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..TICKETS {
        seen.push(timeout(DEADLINE, finished.recv()).await.expect("all arrive").unwrap());
    }
    broker.close();
    for worker in workers {
        timeout(DEADLINE, worker).await.expect("the wait ends").unwrap();
    }
    assert!(finished.try_recv().is_err(), "a ticket was delivered twice");
    seen.sort();
    sent.sort();
    assert_eq!(seen, sent);
}

#[tokio::test]
async fn a_busy_queue_does_not_starve_another() {
    let broker = MemoryBroker::new();
    let (busy, calm) = (Queue::training(), Queue::default_queue());
    for _ in 0..10 {
        broker.publish(ticket(&busy)).await.unwrap();
    }
    broker.publish(ticket(&calm)).await.unwrap();
    let mut consumer = broker.consume(&[busy.clone(), calm.clone()], 1).await.unwrap();
    let mut served = Vec::new();
    for _ in 0..3 {
        let delivery = timeout(DEADLINE, consumer.next()).await.unwrap().unwrap();
        served.push(delivery.ticket().queue.clone());
        delivery.ack().await.unwrap();
    }
    assert_eq!(served, [busy.clone(), calm, busy]);
}

#[tokio::test]
async fn a_full_queue_takes_the_hint_as_given() {
    let broker = MemoryBroker::with_max_waiting(3);
    let queue = Queue::training();
    for _ in 0..100 {
        broker.publish(ticket(&queue)).await.unwrap();
    }
    assert_eq!(broker.waiting(&queue), 3);
    let mut consumer = broker.consume(std::slice::from_ref(&queue), 1).await.unwrap();
    for _ in 0..3 {
        timeout(DEADLINE, consumer.next()).await.unwrap().unwrap().ack().await.unwrap();
    }
    assert_eq!(broker.waiting(&queue), 0);
    broker.publish(ticket(&queue)).await.unwrap();
    assert_eq!(broker.waiting(&queue), 1, "there is room again");
}

#[tokio::test]
async fn closing_ends_waits_and_refuses_the_rest() {
    let broker = MemoryBroker::new();
    let queue = Queue::training();
    broker.publish(ticket(&queue)).await.unwrap();
    let mut holder = broker.consume(std::slice::from_ref(&queue), 1).await.unwrap();
    let held = timeout(DEADLINE, holder.next()).await.unwrap().unwrap();
    let mut consumer = broker.consume(std::slice::from_ref(&queue), 1).await.unwrap();
    let waits = tokio::spawn(async move { consumer.next().await.err() });
    tokio::task::yield_now().await;
    broker.close();
    let ended = timeout(DEADLINE, waits).await.expect("the wait ends").unwrap();
    assert!(matches!(ended, Some(BrokerError::Closed)));
    assert!(matches!(broker.publish(ticket(&queue)).await, Err(BrokerError::Closed)));
    assert!(matches!(broker.consume(&[queue], 1).await.err(), Some(BrokerError::Closed)));
    assert!(matches!(broker.ping().await, Err(BrokerError::Closed)));
    held.ack().await.expect("a late acknowledgement is harmless");
}
