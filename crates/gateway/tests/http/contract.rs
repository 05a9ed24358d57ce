use alphafleet_protocol::{Access, Body, OPERATIONS};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn every_operation_is_served_and_guarded_as_described() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let nothing = "00000000-0000-7000-8000-000000000000";
    for operation in OPERATIONS {
        let path = operation.path.replace("{id}", nothing).replace("{name}", "none");
        let method: Method = operation.method.as_str().to_uppercase().parse().unwrap();
        let name = format!("{method} {path}");
        let anonymous = gateway.send(gateway.request(method.clone(), &path, "")).await;
        match operation.access {
            Access::User | Access::Permission(_) => {
                anonymous.problem(401, "unauthorized");
            }
            Access::Public | Access::Socket => assert_ne!(anonymous.status, 401, "{name}"),
        }
        let answer = gateway.send(gateway.request(method, &path, &admin)).await;
        assert_ne!(answer.status, 405, "{name}");
        assert!(answer.status < 500, "{name}: {}", answer.status);
        let has_object = operation.path.contains('{');
        let is_whole = operation.parameters.iter().all(|parameter| !parameter.required);
        if answer.status == 404 {
            // Of an unknown object, never of an unknown address.
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(has_object && detail.starts_with("There is no such "), "{name}: {detail}");
        } else if operation.request == Body::None
            && !has_object
            && is_whole
            && operation.access != Access::Socket
        {
            assert_eq!(answer.status, operation.status, "{name}");
        }
    }
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems() {
    let gateway = Harness::start().await;
    for path in
        ["/nothing", "/api/v1/nothing", "/api/v1/strategies/", "/../etc/passwd", "/%2e%2e/x"]
    {
        gateway.get("", path).await.problem(404, "not_found");
    }
    gateway.delete("", "/healthz").await.problem(405, "method_not_allowed");
    gateway.get("", "/api/v1/auth/login").await.problem(405, "method_not_allowed");
    gateway.get("", "/api/v1/ws/connect").await.problem(426, "websocket_required");
}

#[tokio::test]
async fn bad_bodies_are_problems() {
    let gateway = Harness::with(|settings| settings.body_limit_bytes = 1_000).await;
    let admin = gateway.admin().await;
    let post = |media: &str, body: &str| {
        let request = gateway.request(Method::POST, "/api/v1/strategies", &admin);
        gateway.send(request.header("content-type", media).body(body.to_owned()))
    };
    post("text/plain", "{}").await.problem(415, "unsupported_media_type");
    let malformed = post("application/json", "{\"name\":\n  oops}").await;
    malformed.problem(400, "malformed_json");
    assert!(malformed.json()["detail"].as_str().unwrap().contains("line 2 column"));
    let faults = post("application/json; charset=utf-8", "{\"config\": {}}").await;
    assert_eq!(faults.problem(400, "validation_failed"), ["name: required"]);
    let faults = post("application/json", "{\"name\": 7}").await;
    assert_eq!(faults.problem(400, "validation_failed"), ["name: wrong_type"]);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2_000));
    post("application/json", &large).await.problem(413, "body_too_large");
    // Without an announced length it is counted as it comes.
    let chunks = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("x".repeat(100))));
    let request = gateway.request(Method::POST, "/api/v1/strategies", &admin);
    let request = request.header("content-type", "application/json");
    let request = request.body(reqwest::Body::wrap_stream(chunks));
    gateway.send(request).await.problem(413, "body_too_large");
    let deep = "[".repeat(900);
    post("application/json", &deep).await.problem(400, "malformed_json");
}

#[tokio::test]
async fn every_answer_has_the_security_headers_and_an_id() {
    let gateway = Harness::start().await;
    for path in [
        "/",
        "/app.js",
        "/app.css",
        "/api/docs",
        "/api/openapi.json",
        "/healthz",
        "/nothing",
        "/api/v1/users",
    ] {
        let answer = gateway.get("", path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    let request = gateway.request(Method::GET, "/healthz", "");
    let answer = gateway.send(request.header("x-request-id", "abcdefgh-1")).await;
    assert_eq!(answer.header("x-request-id"), "abcdefgh-1");
    let request = gateway.request(Method::GET, "/healthz", "");
    let answer = gateway.send(request.header("x-request-id", "a b<c>")).await;
    assert_ne!(answer.header("x-request-id"), "a b<c>");
}

#[tokio::test]
async fn the_description_is_the_one_of_the_types() {
    let gateway = Harness::start().await;
    let served: Value = gateway.get("", "/api/openapi.json").await.expect(200);
    assert_eq!(served, alphafleet_protocol::openapi());
}

#[tokio::test]
async fn health_and_readiness_are_public() {
    let gateway = Harness::start().await;
    assert_eq!(gateway.get("", "/healthz").await.expect(200)["status"], "ok");
    let ready = gateway.get("", "/readyz").await.expect(200);
    assert_eq!((&ready["ready"], &ready["degraded"]), (&json!(true), &json!(false)));
    let backends: Vec<String> = ready["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| {
            format!("{} {} {}", check["name"], check["backend"], check["ok"]).replace('"', "")
        })
        .collect();
    assert_eq!(
        backends,
        ["database sqlite true", "broker memory true", "events memory true", "storage file true"]
    );
}
