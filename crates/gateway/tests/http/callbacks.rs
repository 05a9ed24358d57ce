use alphafleet_domain::job::{Completion, JobKind};
use alphafleet_domain::ports::CallbackStore;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::harness::Harness;
use crate::sessions::{claim, complete};

#[tokio::test]
async fn every_user_has_a_secret_and_every_gateway_tells_the_same() {
    let gateway = Harness::start().await;
    let other = gateway.beside();
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    let path = "/api/v1/auth/webhook-secret";
    let secret = gateway.get(&ann, path).await.expect(200)["secret"].clone();
    let bytes = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
    assert_eq!(STANDARD.decode(bytes).unwrap().len(), 32);
    assert_eq!(other.get(&ann, path).await.expect(200)["secret"], secret);
    assert_ne!(gateway.get(&admin, path).await.expect(200)["secret"], secret);
    gateway.get("", path).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_bad_address_is_refused_by_name() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    for url in [
        "lab.example/done",
        "ftp://lab.example/",
        "https://me:secret@lab.example/",
        "http://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost:8300/api",
        "http://lab.example:22/",
        "http://2130706433/",
        "",
    ] {
        let body = json!({ "dataset_name": "bars", "callback_url": url });
        let faults = gateway.post(&token, "/api/train", body).await;
        let faults = faults.problem(400, "validation_failed");
        let expected = if url.is_empty() { "empty" } else { "invalid" };
        assert_eq!(faults, [format!("callback_url: {expected}")], "{url}");
    }
    assert_eq!(gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn an_allowed_network_may_be_called() {
    let networks = vec!["10.20.0.0/16".to_owned()];
    let gateway = Harness::with(|settings| settings.callback_networks = networks).await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let train = |url: &str| {
        let body = json!({ "dataset_name": "bars", "callback_url": url });
        gateway.post(&token, "/api/train", body)
    };
    train("http://10.20.3.4:8080/done").await.expect(202);
    train("http://10.21.3.4:8080/done").await.problem(400, "validation_failed");
}

#[tokio::test]
async fn how_a_callback_goes_is_shown_to_its_owner() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    gateway.dataset(&ann, "bars").await;
    let url = "https://lab.example/done?key=1";
    let body = json!({ "dataset_name": "bars", "callback_url": url });
    let task = gateway.post(&ann, "/api/train", body).await.expect(202);
    let id = task["task_id"].as_str().unwrap().strip_prefix("task-").unwrap();
    let path = format!("/api/v1/strategies/sessions/{id}/callback");
    gateway.get(&ann, &path).await.problem(404, "not_found");
    let job = claim(&gateway, JobKind::Training).await;
    complete(&gateway, &job, Completion::default()).await;
    let view = gateway.get(&ann, &path).await.expect(200);
    assert_eq!((&view["url"], &view["state"]), (&json!(url), &json!("waiting")));
    assert_eq!((&view["tries"], &view["last_error"]), (&json!(0), &json!(null)));
    gateway.get(&admin, &path).await.problem(404, "not_found");
    let lease = std::time::Duration::from_secs(60);
    let due = gateway.store.take_callbacks(9, lease).await.unwrap();
    assert_eq!((due.len(), due[0].job.id), (1, job.id));
}
