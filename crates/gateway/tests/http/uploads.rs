use reqwest::Method;
use reqwest::header::CONTENT_LENGTH;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{DEADLINE, Harness};

#[tokio::test]
async fn a_file_becomes_a_version_and_leaves_nothing_behind() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let dataset = gateway.dataset(&token, "bars").await;
    assert_eq!((&dataset["name"], &dataset["latest"]["rows"]), (&json!("bars"), &json!(1)));
    assert_eq!(gateway.get(&token, "/api/v1/datasets/bars").await.expect(200), dataset);
    let path = "/api/v1/datasets/bars/versions?filename=b.csv&mapping=close%3DLast%2C%20date%3DDay";
    let request = gateway.request(Method::POST, path, &token).body("Day,Last\n1,2\n3,4\n");
    assert_eq!(gateway.send(request).await.expect(201)["latest"]["rows"], 2);
    let versions = gateway.get(&token, "/api/v1/datasets/bars/versions").await.expect(200);
    assert_eq!(versions["items"][0]["rows"], 2);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    assert_eq!(gateway.get(&token, "/api/v1/datasets").await.expect(200)["total"], 1);
    let audit = gateway.get(&token, "/api/v1/audit?limit=1").await.expect(200);
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["target"]),
        (&json!("dataset.import"), &json!("dataset/bars"))
    );
    assert_eq!(gateway.scratch(), 0);
}

#[tokio::test]
async fn announcements_become_a_version_of_the_same_bars() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let path = "/api/v1/datasets/bars/announcements?filename=told.csv";
    let put = |path: &str, token: &str, body: &'static str| {
        gateway.send(gateway.request(Method::PUT, path, token).body(body))
    };
    put(path, &token, "roe_q,1\n").await.problem(404, "not_found");
    let before = gateway.dataset(&token, "bars").await;
    assert!(before["latest"]["announcements"].is_null());
    let answer = put(path, &token, "eps_a,1\nroe_q,1\n").await.expect(201);
    let latest = &answer["latest"];
    assert_eq!(latest["parent"], before["latest"]["id"]);
    assert_eq!(latest["announcements"]["fields"], json!(["eps_a", "roe_q"]));
    assert_eq!(gateway.get(&token, "/api/v1/datasets/bars").await.expect(200), answer);
    let audit = gateway.get(&token, "/api/v1/audit?limit=1").await.expect(200);
    assert_eq!(
        (&audit["items"][0]["action"], &audit["items"][0]["target"]),
        (&json!("dataset.announce"), &json!("dataset/bars"))
    );

    put(path, &token, "").await.problem(400, "empty_file");
    let unnamed = "/api/v1/datasets/bars/announcements";
    put(unnamed, &token, "x").await.problem(400, "invalid_query");
    put(&format!("{path}&mapping=a%3Db"), &token, "x").await.problem(400, "invalid_query");
    let other = gateway.researcher(&token, "other").await;
    put(path, &other, "roe_q,1\n").await.problem(404, "not_found");
    assert_eq!(gateway.scratch(), 0);
}

#[tokio::test]
async fn what_is_no_market_data_is_refused() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let post = |path: &str, body: &'static str| {
        gateway.send(gateway.request(Method::POST, path, &token).body(body))
    };
    let good = "/api/v1/datasets/bars/versions?filename=b.csv";
    post(good, "date,open\n1,2\n").await.problem(400, "missing_column");
    post(good, "").await.problem(400, "empty_file");
    post("/api/v1/datasets/bars/versions", "x").await.problem(400, "invalid_query");
    for (path, fault) in [
        ("/api/v1/datasets/a%20b/versions?filename=b.csv", "name: invalid"),
        ("/api/v1/datasets/%2e%2e/versions?filename=b.csv", ""),
        ("/api/v1/datasets/bars/versions?filename=..", "filename: invalid"),
        ("/api/v1/datasets/bars/versions?filename=a%2F", "filename: invalid"),
        ("/api/v1/datasets/bars/versions?filename=b.csv&mapping=close", "mapping: invalid"),
    ] {
        let answer = post(path, "date,close\n1,2\n").await;
        if fault.is_empty() {
            assert_eq!(answer.status, 404);
        } else {
            assert_eq!(answer.problem(400, "validation_failed"), [fault], "{path}");
        }
    }
    gateway.get(&token, "/api/v1/datasets/bars").await.problem(404, "not_found");
    assert_eq!(gateway.scratch(), 0);
    assert!(!gateway.path().join("b.csv").exists());
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_at_once_or_as_it_comes() {
    let gateway = Harness::with(|settings| settings.upload_limit_bytes = 1 << 20).await;
    let token = gateway.admin().await;
    // A gigabyte is announced and never sent: the answer does not wait for it.
    let address = gateway.base.trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/datasets/bars/versions?filename=b.csv HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {token}\r\n{CONTENT_LENGTH}: 1073741824\r\n\r\ndate,close\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(DEADLINE, socket.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
    let chunks =
        futures::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 64 << 10])));
    let path = "/api/v1/datasets/bars/versions?filename=b.csv";
    let request = gateway.request(Method::POST, path, &token);
    let sent = request.body(reqwest::Body::wrap_stream(chunks)).send().await;
    // The connection may break under a client that goes on sending.
    if let Ok(response) = sent {
        assert_eq!(response.status(), 413);
    }
    gateway.get(&token, "/api/v1/datasets/bars").await.problem(404, "not_found");
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while gateway.scratch() > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the upload's file stayed");
        tokio::task::yield_now().await;
    }
}
