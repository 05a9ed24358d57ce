use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn training_pins_the_data_and_fills_in_the_configuration() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let first = gateway.dataset(&token, "bars").await;
    let second = gateway.dataset(&token, "bars").await;
    assert_eq!(second["latest"]["parent"], first["latest"]["id"]);
    let strategy = gateway.strategy(&token, "trees").await;
    let train = format!("/api/v1/strategies/{strategy}/train");
    let answer = gateway.post(&token, &train, json!({ "epochs": 7 })).await;
    let session = answer.expect(202);
    let path = format!("/api/v1/strategies/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), path);
    assert_eq!((&session["state"], &session["kind"]), (&json!("pending"), &json!("training")));
    assert_eq!(session["dataset_version_id"], second["latest"]["id"]);
    let config = &session["config"];
    assert_eq!(config["dataset"], json!({ "name": "bars", "version": second["latest"]["id"] }));
    assert_eq!(config["model"]["rounds"], 7);
    assert_eq!(config["model"]["learning_rate"], 0.05);
    assert_eq!(gateway.get(&token, &path).await.expect(200), session);
    let old = json!({ "dataset_name": "bars", "dataset_version": first["latest"]["id"] });
    let session = gateway.post(&token, &train, old).await.expect(202);
    assert_eq!(session["dataset_version_id"], first["latest"]["id"]);
    let experiments = gateway.get(&token, "/api/v1/experiments").await.expect(200);
    assert_eq!(experiments["items"][0]["name"], "trees");
    let of = |query: String| {
        gateway
            .get(&token, Box::leak(format!("/api/v1/strategies/sessions?{query}").into_boxed_str()))
    };
    let id = experiments["items"][0]["id"].as_str().unwrap();
    assert_eq!(of(format!("experiment_id={id}")).await.expect(200)["total"], 2);
    assert_eq!(of(format!("strategy_id={strategy}&state=pending")).await.expect(200)["total"], 2);
    assert_eq!(of("state=running".to_owned()).await.expect(200)["total"], 0);
    of("state=lost".to_owned()).await.problem(400, "validation_failed");
    of("strategy_id=7".to_owned()).await.problem(400, "validation_failed");
    let view = gateway.get(&token, &format!("/api/v1/strategies/{strategy}")).await.expect(200);
    assert_eq!((&view["active_sessions"], &view["training_count"]), (&json!(2), &json!(2)));
    let delete = gateway.delete(&token, &format!("/api/v1/strategies/{strategy}")).await;
    delete.problem(409, "in_use");
}

#[tokio::test]
async fn bad_requests_to_train_name_each_field_and_change_nothing() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let strategy = gateway.strategy(&token, "trees").await;
    let path = format!("/api/v1/strategies/{strategy}/train");
    let look_ahead =
        json!({ "parameters": { "features": { "expressions": ["Ref($close, -2)/$close"] } } });
    for (body, expected) in [
        (json!({ "model_type": "oracle" }), vec!["model_type: unknown_value"]),
        (json!({ "dataset_name": "" }), vec!["dataset_name: empty"]),
        (json!({ "dataset_name": "absent" }), vec!["dataset_name: unknown_dataset"]),
        (json!({ "dataset_version": "absent" }), vec!["dataset_version: unknown_version"]),
        (json!({ "epochs": -1 }), vec!["epochs: out_of_range"]),
        (
            json!({ "epochs": -1, "learning_rate": 0 }),
            vec!["epochs: out_of_range", "learning_rate: out_of_range"],
        ),
        (look_ahead, vec!["parameters.features.expressions[0]: look_ahead"]),
        (json!({ "nonsense": 1 }), vec!["nonsense: unknown_field"]),
    ] {
        let answer = gateway.post(&token, &path, body.clone()).await;
        assert_eq!(answer.problem(400, "validation_failed"), expected, "{body}");
    }
    let request = gateway.request(Method::POST, &path, &token);
    let request = request.header("content-type", "application/json").body("{\"epochs\": NaN}");
    gateway.send(request).await.problem(400, "malformed_json");
    let sessions = gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200);
    assert_eq!(sessions, json!({ "items": [], "total": 0 }));
}

#[tokio::test]
async fn an_idempotency_key_makes_a_repetition_harmless() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let strategy = gateway.strategy(&token, "trees").await;
    let path = format!("/api/v1/strategies/{strategy}/train");
    let train = |key: &str, body: Value| {
        let request = gateway.request(Method::POST, &path, &token);
        gateway.send(request.header("idempotency-key", key).json(&body))
    };
    let first = train("k1", json!({ "epochs": 3 })).await.expect(202);
    let again = join_all((0..5).map(|_| train("k1", json!({ "epochs": 3 })))).await;
    for answer in again {
        assert_eq!(answer.expect(202)["id"], first["id"]);
    }
    train("k1", json!({ "epochs": 4 })).await.problem(422, "idempotency_conflict");
    let second = train("k2", json!({ "epochs": 3 })).await.expect(202);
    assert_ne!(second["id"], first["id"]);
    let long = "k".repeat(129);
    for key in ["", "has space", long.as_str()] {
        let faults = train(key, json!({})).await.problem(400, "validation_failed");
        assert_eq!(faults, ["Idempotency-Key: invalid"]);
    }
    assert_eq!(gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200)["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_racing_submits_never_exceed_the_limit() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    gateway.dataset(&ann, "bars").await;
    let strategy = gateway.strategy(&ann, "trees").await;
    let path = format!("/api/v1/strategies/{strategy}/train");
    let answers = join_all((0..50).map(|_| gateway.post(&ann, &path, json!({})))).await;
    let accepted = answers.iter().filter(|answer| answer.status == 202).count();
    assert_eq!(accepted, 3);
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        answer.problem(429, "session_limit_reached");
    }
    let sessions = gateway.get(&ann, "/api/v1/strategies/sessions").await.expect(200);
    assert_eq!(sessions["total"], 3);
    let one = sessions["items"][0]["id"].as_str().unwrap();
    let stop = format!("/api/v1/strategies/sessions/{one}/stop");
    assert_eq!(gateway.post(&ann, &stop, json!({})).await.expect(202)["state"], "cancelled");
    gateway.post(&ann, &stop, json!({})).await.problem(409, "session_ended");
    gateway.post(&ann, &path, json!({})).await.expect(202);
}
