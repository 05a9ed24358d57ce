use alphafleet_domain::job::{Completion, JobKind};
use alphafleet_domain::ports::ArtifactKey;
use alphafleet_domain::{ArtifactId, ArtifactKind, ArtifactPointer, NewModel};
use reqwest::Method;
use serde_json::json;

use crate::harness::Harness;
use crate::sessions::{claim, complete};

pub async fn artifact(
    gateway: &Harness,
    kind: ArtifactKind,
    name: &str,
    bytes: &[u8],
) -> ArtifactPointer {
    let key: ArtifactKey = format!("jobs/{name}").parse().unwrap();
    let stored = gateway.artifacts.put(&key, bytes.to_vec()).await.unwrap();
    ArtifactPointer {
        id: ArtifactId::new(),
        kind,
        name: name.to_owned(),
        key: stored.key.to_string(),
        bytes: stored.bytes,
        sha256: stored.sha256,
    }
}

#[tokio::test]
async fn a_completed_session_hands_out_its_files() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let strategy = gateway.strategy(&token, "trees").await;
    let train = format!("/api/v1/strategies/{strategy}/train");
    let session = gateway.post(&token, &train, json!({})).await.expect(202);
    let path = format!("/api/v1/strategies/sessions/{}", session["id"].as_str().unwrap());
    let job = claim(&gateway, JobKind::Training).await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let model = artifact(&gateway, ArtifactKind::Model, "model.txt", b"tree").await;
    let new = NewModel {
        model_type: "lightgbm".to_owned(),
        sha256: model.sha256.clone(),
        metrics: json!({ "ic": 0.05 }),
    };
    let artifacts = vec![
        model,
        artifact(&gateway, ArtifactKind::Predictions, "predictions.parquet", &large).await,
        artifact(&gateway, ArtifactKind::ReportJson, "report.json", b"{\"ic\":0.05}").await,
        artifact(&gateway, ArtifactKind::ReportHtml, "report.html", b"<h1>Report</h1>").await,
    ];
    let completion = Completion {
        result: json!({ "ic": 0.05 }),
        artifacts: artifacts.clone(),
        model: Some(new),
        ..Completion::default()
    };
    complete(&gateway, &job, completion).await;
    let list = gateway.get(&token, &format!("{path}/artifacts")).await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 4);
    let predictions = gateway.get(&token, &format!("{path}/predictions")).await;
    assert_eq!((predictions.status, predictions.bytes == large), (200, true));
    assert_eq!(predictions.header("content-length"), "3000000");
    assert_eq!(predictions.header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(
        predictions.header("content-disposition"),
        "attachment; filename=\"predictions.parquet\""
    );
    let etag = format!("\"{}\"", artifacts[1].sha256);
    assert_eq!(predictions.header("etag"), etag);
    assert_eq!(predictions.header("x-checksum-sha256"), artifacts[1].sha256);
    let again = gateway.request(Method::GET, &format!("{path}/predictions"), &token);
    assert_eq!(gateway.send(again.header("if-none-match", etag)).await.status, 304);
    let report = gateway.get(&token, &format!("{path}/report")).await;
    assert_eq!(report.expect(200), json!({ "ic": 0.05 }));
    let report = gateway.get(&token, &format!("{path}/report?format=html")).await;
    assert_eq!(report.bytes, b"<h1>Report</h1>");
    assert!(report.header("content-security-policy").contains("sandbox"));
    gateway
        .get(&token, &format!("{path}/report?format=pdf"))
        .await
        .problem(400, "validation_failed");
    assert_eq!(gateway.get(&token, &format!("{path}/artifacts/model.txt")).await.bytes, b"tree");
    gateway.get(&token, &format!("{path}/artifacts/none")).await.problem(404, "not_found");
    let models = gateway.get(&token, "/api/v1/models").await.expect(200);
    let model = format!("/api/v1/models/{}", models["items"][0]["id"].as_str().unwrap());
    assert_eq!(gateway.get(&token, &model).await.expect(200)["metrics"], json!({ "ic": 0.05 }));
    ticket_opens_one_download(&gateway, &token, &format!("{path}/report?format=html")).await;
    std::fs::write(gateway.path().join("objects/jobs/model.txt"), b"evil").unwrap();
    let tampered = gateway.get(&token, &format!("{path}/artifacts/model.txt")).await;
    tampered.problem(500, "internal");
    assert!(!String::from_utf8_lossy(&tampered.bytes).contains("objects"));
    assert_eq!(gateway.scratch(), 0);
}

async fn ticket_opens_one_download(gateway: &Harness, token: &str, path: &str) {
    let ticket = gateway.post(token, "/api/v1/ws/ticket", json!({})).await.expect(200);
    let path = format!("{path}&ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(gateway.get("", &path).await.status, 200);
    gateway.get("", &path).await.problem(401, "unauthorized");
}
