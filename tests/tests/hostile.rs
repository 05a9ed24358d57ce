//! Hostile and mistaken input over the real binary: a clear 4xx with a code, and nothing changes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::TcpStream;

use alphafleet_tests::{Client, Fleet, Socket, shared_folder};
use serde_json::{Value, json};

async fn sessions(client: &Client) -> Value {
    client.get("/api/v1/strategies/sessions").await.ok()["total"].clone()
}

#[tokio::test]
async fn mistakes_are_named_and_change_nothing() {
    let (fleet, client) = Fleet::start(&[]).await;
    let strategy = client.strategy("s", json!({ "model": { "type": "lightgbm" } })).await;
    for (body, field) in [
        (json!({ "dataset_name": "d", "model_type": "oracle" }), "model_type"),
        (json!({ "dataset_name": "" }), "dataset_name"),
        (json!({ "dataset_name": "nowhere" }), "dataset_name"),
        (json!({ "dataset_name": "d", "epochs": -1 }), "epochs"),
        (json!({ "dataset_name": "d", "parameters": { "num_leafs": 3 } }), "num_leafs"),
    ] {
        let answer = client.train(&strategy, body.clone()).await;
        assert!((400..500).contains(&answer.status), "{body}: {}", answer.body);
        assert!(answer.body.to_string().contains(field), "{body}: {}", answer.body);
        assert!(answer.body["code"].is_string(), "{body}: {}", answer.body);
    }
    let ahead = json!({ "features": { "expressions": [
        { "name": "tomorrow", "expression": "Ref($close, -1)/$close" } ] } });
    let answer = client.post("/api/v1/strategies", json!({ "name": "t", "config": ahead })).await;
    let said = answer.refused(400, "validation_failed");
    assert!(
        said.contains("features.expressions[0].expression") && said.contains("look_ahead"),
        "{said}"
    );
    assert_eq!(sessions(&client).await, 0);
    assert_eq!(client.get("/api/v1/strategies").await.ok()["total"], 1);
    drop(fleet);
}

#[tokio::test]
async fn broken_files_are_refused_by_name() {
    let (fleet, client) = Fleet::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let no_close = file("no_close.csv", b"Date,Open,High,Low\n2020-01-01,1,2,0.5\n");
    let said = client.import("a", &no_close).await.refused(400, "missing_column");
    assert!(said.contains("close"), "{said}");
    let empty = file("empty.csv", b"Date,Open,High,Low,Close,Volume\n");
    client.import("b", &empty).await.refused(400, "empty_dataset");
    if let Some(shared) = shared_folder() {
        let whole = std::fs::read(shared.join("data/sp500_2013_2017.parquet")).unwrap();
        let truncated = file("truncated.parquet", &whole[..whole.len() / 2]);
        let said = client.import("c", &truncated).await.refused(400, "corrupt_file");
        assert!(said.contains("truncated.parquet"), "{said}");
    }
    assert_eq!(client.get("/api/v1/datasets").await.ok()["total"], 0);
    let scratch = std::fs::read_dir(fleet.data_dir().join("scratch")).unwrap().flatten();
    let is_uploads =
        |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("uploads-");
    let uploads: Vec<_> = scratch.filter(is_uploads).collect();
    assert_eq!(uploads.len(), 1);
    let left = std::fs::read_dir(uploads[0].path()).unwrap().count();
    assert_eq!(left, 0, "an upload was left behind");
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let (_fleet, client) = Fleet::start(&[]).await;
    for (path, kind) in [
        ("/api/v1/strategies", "application/json"),
        ("/api/v1/datasets/d/versions?filename=x.csv", "application/octet-stream"),
    ] {
        let address = client.url.strip_prefix("http://").unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             content-type: {kind}\r\ncontent-length: 1073741824\r\n\r\n{{",
            client.token
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = [0; 4096];
        let read = socket.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..read]).to_lowercase();
        assert!(answer.starts_with("http/1.1 413"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn strangers_find_nothing() {
    let (_fleet, admin) = Fleet::start(&[]).await;
    let (ann, bob) = (admin.new_user("ann", 3).await, admin.new_user("bob", 3).await);
    let probe = json!({ "spec": { "steps": [{ "step": "echo", "value": 1 }] } });
    bob.post("/api/v1/probes", probe.clone()).await.refused(403, "permission_denied");
    let session = admin.probe(probe).await;
    for path in ["", "/status", "/metrics", "/logs", "/report", "/predictions", "/artifacts"] {
        let path = format!("/api/v1/strategies/sessions/{session}{path}");
        ann.get(&path).await.refused(404, "not_found");
    }
    ann.stop(&session).await.refused(404, "not_found");
    let strategy = ann.strategy("mine", json!({})).await;
    bob.get(&format!("/api/v1/strategies/{strategy}")).await.refused(404, "not_found");
    bob.train(&strategy, json!({ "dataset_name": "d" })).await.refused(404, "not_found");
    let mut socket = Socket::open(&ann).await;
    socket.subscribe(&session, None).await;
    loop {
        let frame = socket.next().await;
        assert_ne!(frame["type"], "session_subscribed");
        if frame["type"] == "error" {
            assert_eq!(frame["code"], "not_found");
            break;
        }
    }
}

#[tokio::test]
async fn bad_tokens_open_nothing() {
    let (_fleet, admin) = Fleet::start(&[]).await;
    for token in ["", "nonsense", &format!("{}x", admin.token)] {
        let nobody = Client::with_token(&admin.url, token);
        nobody.get("/api/v1/auth/me").await.refused(401, "unauthorized");
        nobody.get("/metrics").await.refused(401, "unauthorized");
        let mut socket = Socket::open_with(&nobody, &format!("token={token}")).await;
        assert_eq!(socket.next().await, json!({ "close": 4001 }));
    }
    let ticket = admin.post("/api/v1/ws/ticket", json!({})).await.ok();
    let query = format!("ticket={}", ticket["ticket"].as_str().unwrap());
    let mut first = Socket::open_with(&admin, &query).await;
    assert_eq!(first.next().await["type"], "connection_established");
    let mut second = Socket::open_with(&admin, &query).await;
    assert_eq!(second.next().await, json!({ "close": 4001 }));
}
