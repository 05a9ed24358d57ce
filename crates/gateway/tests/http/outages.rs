use alphafleet_domain::ports::JobStore;
use serde_json::{Value, json};

use crate::harness::Harness;

fn away(readiness: &Value) -> Vec<&str> {
    let checks = readiness["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["ok"] == false)
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn without_broker_and_events_a_gateway_is_ready_and_says_what_is_away() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    gateway.broker.close();
    let ready = gateway.get("", "/readyz").await.expect(200);
    assert_eq!((&ready["ready"], &ready["degraded"]), (&json!(true), &json!(true)));
    assert_eq!(away(&ready), ["broker"]);
    gateway.events.close();
    let ready = gateway.get("", "/readyz").await.expect(200);
    assert_eq!(away(&ready), ["broker", "events"]);
    // Sessions are taken in all the same.
    let id = gateway.probe(&admin).await;
    assert!(gateway.store.job(id).await.unwrap().is_some());
    gateway
        .post(&admin, &format!("/api/v1/strategies/sessions/{id}/stop"), json!({}))
        .await
        .expect(202);
}

#[tokio::test]
async fn a_gateway_that_shuts_down_is_not_ready() {
    let gateway = Harness::start().await;
    gateway.get("", "/readyz").await.expect(200);
    gateway.shutdown.cancel();
    let served = tokio::time::timeout(crate::harness::DEADLINE, gateway.served).await.unwrap();
    served.unwrap().unwrap();
    assert!(gateway.http.get(format!("{}/readyz", gateway.base)).send().await.is_err());
}
