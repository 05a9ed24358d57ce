//! Several gateways on the same services are one.

use alphafleet_protocol::ServerFrame;
use reqwest::Method;
use serde_json::json;

use crate::harness::Harness;
use crate::live::publish_round;
use crate::socket::{Heard, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_one_gateway_opens_one_socket_at_another() {
    let first = Harness::start().await;
    let second = first.beside();
    let admin = first.admin().await;
    let ticket = first.post(&admin, "/api/v1/ws/ticket", json!({})).await.expect(200);
    let query = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    let mut socket = Socket::open(Socket::request(&second, &query)).await;
    assert!(matches!(socket.frame().await, ServerFrame::ConnectionEstablished { .. }));
    for gateway in [&first, &second] {
        let mut again = Socket::open(Socket::request(gateway, &query)).await;
        assert!(matches!(again.next().await, Heard::Closed(Some(4001))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gateway_took_in_is_followed_and_stopped_at_another() {
    let first = Harness::start().await;
    let second = first.beside();
    let admin = first.admin().await;
    let id = first.probe(&admin).await;
    crate::live::announced(&first, id).await;
    let mut socket = Socket::connect(&second, &admin).await;
    socket.subscribe(id, None).await;
    let round = publish_round(&first, id, 1).await;
    assert_eq!(socket.seqs(1).await, [round.seq]);
    let stop = format!("/api/v1/strategies/sessions/{id}/stop");
    assert_eq!(second.post(&admin, &stop, json!({})).await.expect(202)["state"], "cancelled");
    let cancelled = socket.frame().await;
    assert!(cancelled.state().unwrap().state.is_terminal(), "{cancelled:?}");
}

#[tokio::test]
async fn a_request_is_repeated_at_another_gateway() {
    let first = Harness::start().await;
    let second = first.beside();
    let token = first.admin().await;
    first.dataset(&token, "bars").await;
    let strategy = first.strategy(&token, "trees").await;
    let path = format!("/api/v1/strategies/{strategy}/train");
    let train = |gateway: &Harness| {
        let request = gateway.request(Method::POST, &path, &token);
        request.header("idempotency-key", "k1").json(&json!({ "epochs": 3 }))
    };
    let answer = first.send(train(&first)).await.expect(202);
    // What it was valid against has changed: the same answer all the same.
    let config = json!({ "dataset": "absent", "model": { "type": "linear" } });
    let body = json!({ "name": "trees", "config": config });
    second.put(&token, &format!("/api/v1/strategies/{strategy}"), body).await.expect(200);
    let again = second.send(train(&second)).await.expect(202);
    assert_eq!(again, answer);
    let fresh = second.request(Method::POST, &path, &token).json(&json!({ "epochs": 3 }));
    second.send(fresh).await.problem(400, "validation_failed");
}

#[tokio::test]
async fn a_refused_submit_leaves_no_experiment_behind() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    gateway.dataset(&ann, "bars").await;
    for n in 0..4 {
        let strategy = gateway.strategy(&ann, &format!("trees {n}")).await;
        let train = format!("/api/v1/strategies/{strategy}/train");
        let answer = gateway.post(&ann, &train, json!({})).await;
        assert_eq!(answer.status, if n < 3 { 202 } else { 429 });
    }
    let experiments = gateway.get(&ann, "/api/v1/experiments").await.expect(200);
    assert_eq!(experiments["total"], 3);
}
