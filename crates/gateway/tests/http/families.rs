//! Sessions that were split into parts.

use alphafleet_domain::job::{Completion, JobKind, Outcome, ProgressBatch};
use alphafleet_domain::ports::{JobStore, NewJob, Submission};
use alphafleet_domain::{AuditRecord, JobId, UserId};
use chrono::Utc;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::sessions::{claim, complete};

/// A probe of the user's that is split into so many parts.
async fn family(gateway: &Harness, token: &str, parts: usize) -> (JobId, Vec<JobId>) {
    let me = gateway.get(token, "/api/v1/auth/me").await.expect(200);
    let owner: UserId = me["id"].as_str().unwrap().parse().unwrap();
    let probe = || NewJob::new(owner, JobKind::Probe, json!({}));
    let audit = AuditRecord {
        at: Utc::now(),
        user: Some(owner),
        action: "session.submit".to_owned(),
        target: "test".to_owned(),
        source: None,
        details: Value::Null,
    };
    let children: Vec<NewJob> = (0..parts).map(|_| probe()).collect();
    let ids = children.iter().map(|child| child.id).collect();
    let submission = Submission { children, ..Submission::new(probe(), audit) };
    (gateway.store.submit(submission).await.unwrap().into_job().id, ids)
}

fn ids(list: &Value) -> Vec<JobId> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn a_session_says_how_far_its_parts_are() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let (parent, children) = family(&gateway, &token, 3).await;
    let path = format!("/api/v1/strategies/sessions/{parent}");
    let session = gateway.get(&token, &path).await.expect(200);
    assert_eq!(session["children"], json!({ "total": 3, "ended": 0 }));
    assert_eq!(session["parent_id"], Value::Null);

    let list = gateway.get(&token, &format!("{path}/children")).await.expect(200);
    assert_eq!((ids(&list), &list["total"]), (children.clone(), &json!(3)));
    assert_eq!(list["items"][0]["parent_id"], parent.to_string());
    assert_eq!(list["items"][0]["children"], Value::Null);
    let page = gateway.get(&token, &format!("{path}/children?limit=1&offset=2")).await.expect(200);
    assert_eq!((ids(&page), &page["total"]), (children[2..].to_vec(), &json!(3)));
    let bad = gateway.get(&token, &format!("{path}/children?limit=0")).await;
    assert_eq!(bad.problem(400, "validation_failed"), ["limit: out_of_range"]);
    let sessions = gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200);
    assert_eq!((ids(&sessions), &sessions["total"]), (vec![parent], &json!(1)));

    let job = claim(&gateway, JobKind::Probe).await;
    assert_eq!(job.id, children[0], "the parent waits");
    complete(&gateway, &job, Completion::default()).await;
    let session = gateway.get(&token, &path).await.expect(200);
    assert_eq!(session["children"], json!({ "total": 3, "ended": 1 }));
    assert_eq!(session["progress"]["message"], "1 of 3 shares done");
    assert_eq!(session["state"], "pending");
    let of_child = format!("/api/v1/strategies/sessions/{}", children[0]);
    let child = gateway.get(&token, &of_child).await.expect(200);
    assert_eq!((&child["state"], &child["parent_id"]), (&json!("completed"), &json!(parent)));
    let none = gateway.get(&token, &format!("{of_child}/children")).await.expect(200);
    assert_eq!((ids(&none), &none["total"]), (vec![], &json!(0)));
}

#[tokio::test]
async fn a_session_is_stopped_with_its_parts() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let (parent, children) = family(&gateway, &token, 2).await;
    let path = format!("/api/v1/strategies/sessions/{parent}");
    let running = claim(&gateway, JobKind::Probe).await;
    let stopped = gateway.post(&token, &format!("{path}/stop"), json!({})).await.expect(202);
    assert_eq!(
        (&stopped["state"], &stopped["children"]),
        (&json!("cancelled"), &json!({ "total": 2, "ended": 1 }))
    );
    let list = gateway.get(&token, &format!("{path}/children")).await.expect(200);
    assert_eq!(ids(&list), children);
    assert_eq!(
        (&list["items"][0]["state"], &list["items"][0]["cancel_requested"]),
        (&json!("running"), &json!(true))
    );
    assert_eq!(list["items"][1]["state"], "cancelled");
    let none = ProgressBatch::default();
    gateway.store.settle(running.lease().unwrap(), &Outcome::Cancelled, &none).await.unwrap();
    let session = gateway.get(&token, &path).await.expect(200);
    assert_eq!(session["children"], json!({ "total": 2, "ended": 2 }));
}

#[tokio::test]
async fn someone_elses_parts_are_not_found() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let owner = gateway.researcher(&admin, "owner").await;
    let (parent, children) = family(&gateway, &owner, 1).await;
    for token in [&admin, &gateway.researcher(&admin, "other").await] {
        for id in [parent, children[0]] {
            let path = format!("/api/v1/strategies/sessions/{id}");
            gateway.get(token, &format!("{path}/children")).await.problem(404, "not_found");
            gateway.get(token, &path).await.problem(404, "not_found");
            let stop = gateway.post(token, &format!("{path}/stop"), json!({})).await;
            stop.problem(404, "not_found");
        }
    }
}
