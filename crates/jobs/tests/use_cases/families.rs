//! Jobs that are submitted with children.

use alphafleet_domain::job::{Failure, FailureCode, Outcome, ProgressBatch, StateName};
use alphafleet_domain::ports::{JobStore, SubscriptionItem};
use alphafleet_domain::{EventKind, Job, JobId};
use tokio::time::timeout;

use crate::fleet::{DEADLINE, Fleet, Worker, until};

/// Submits a job with so many children.
async fn submit(fleet: &Fleet, children: usize) -> (Job, Vec<JobId>) {
    let mut request = fleet.request();
    request.children = (0..children).map(|_| fleet.request().job).collect();
    let ids = request.children.iter().map(|child| child.id).collect();
    (fleet.submit.submit(request).await.unwrap().into_job(), ids)
}

/// Ends the attempt and announces it as its worker does.
async fn end(fleet: &Fleet, job: &Job, outcome: Outcome) {
    let none = ProgressBatch::default();
    fleet.store.inner().settle(job.lease().unwrap(), &outcome, &none).await.unwrap();
    let ended = fleet.store.inner().job(job.id).await.unwrap().unwrap();
    fleet.announcer.announce(&ended, None).await;
}

#[tokio::test]
async fn only_those_that_can_be_claimed_get_tickets() {
    let fleet = Fleet::start().await;
    let (parent, _) = submit(&fleet, 2).await;
    assert_eq!((parent.children, parent.waiting_on), (2, 2));
    until("the children have tickets", async || fleet.tickets() == 2).await;
    assert_eq!(fleet.dispatcher().dispatch().await.unwrap(), 0);
    let worker = Worker::start(&fleet).await;
    let first = worker.claim().await.unwrap();
    let second = worker.claim().await.unwrap();
    end(&fleet, &first, Outcome::Completed(Default::default())).await;
    assert_eq!(fleet.tickets(), 2, "the parent waits for another");
    end(&fleet, &second, Outcome::Completed(Default::default())).await;
    assert_eq!(fleet.tickets(), 3, "the parent has its ticket at once");
    assert_eq!(worker.claim().await.unwrap().id, parent.id);
}

#[tokio::test]
async fn a_parents_ticket_comes_when_its_children_were_cancelled() {
    let fleet = Fleet::start().await;
    let (parent, children) = submit(&fleet, 2).await;
    until("the children have tickets", async || fleet.tickets() == 2).await;
    fleet.cancel.cancel(children[0], &fleet.origin()).await.unwrap();
    until("the parent has a ticket", async || fleet.tickets() == 3).await;
    assert_eq!(fleet.state(children[1]).await, StateName::Cancelled);
    let worker = Worker::start(&fleet).await;
    assert_eq!(worker.claim().await.unwrap().id, parent.id);
}

#[tokio::test]
async fn those_who_follow_a_parent_hear_of_its_children_in_order() {
    let fleet = Fleet::start().await;
    let (parent, _) = submit(&fleet, 3).await;
    let mut events = fleet.follow(parent.id).await;
    let worker = Worker::start(&fleet).await;
    for _ in 0..2 {
        let child = worker.claim().await.unwrap();
        end(&fleet, &child, Outcome::Completed(Default::default())).await;
    }
    let child = worker.claim().await.unwrap();
    let failure = Failure::permanent(FailureCode::InvalidData, "no rows");
    end(&fleet, &child, Outcome::Failed(failure.clone())).await;
    let claimed = worker.claim().await.unwrap();
    assert_eq!(claimed.id, parent.id);
    end(&fleet, &claimed, Outcome::Failed(failure)).await;
    let mut heard = Vec::new();
    while heard.len() < 6 {
        let item = timeout(DEADLINE, events.next()).await.expect("an event comes").unwrap();
        let SubscriptionItem::Event(event) = item else { panic!("a gap") };
        let field = if event.body.kind == EventKind::State { "state" } else { "message" };
        heard.push(event.body.payload[field].as_str().unwrap().to_owned());
    }
    assert_eq!(
        heard,
        [
            "pending",
            "1 of 3 shares done",
            "2 of 3 shares done",
            "2 of 3 shares done, 1 failed or cancelled",
            "running",
            "failed"
        ]
    );
}
