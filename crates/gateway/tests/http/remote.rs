use alphafleet_domain::job::{Completion, JobKind};
use alphafleet_domain::ports::JobStore;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;
use crate::sessions::{claim, complete};

fn session_id(task: &Value) -> String {
    let id = task["task_id"].as_str().unwrap();
    id.strip_prefix("task-").unwrap().to_owned()
}

#[tokio::test]
async fn another_platform_sends_its_training_here() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    let data = gateway.dataset(&ann, "bars").await;
    let body = json!({
        "config": { "model": { "type": "lightgbm", "num_leaves": 31 }, "seed": 7 },
        "dataset_name": "bars", "epochs": 9, "learning_rate": 0.1,
        "parameters": { "min_data_in_leaf": 5 }, "priority": 3,
    });
    let task = gateway.post(&ann, "/api/train", body).await.expect(202);
    assert_eq!(task["status"], "success");
    assert!(!task["message"].as_str().unwrap().is_empty());
    let id = session_id(&task);
    let path = format!("/api/tasks/task-{id}");
    let view = gateway.get(&ann, &path).await.expect(200);
    assert_eq!((&view["id"], &view["status"]), (&task["task_id"], &json!("pending")));
    assert_eq!((&view["progress"], &view["result"]), (&json!(0.0), &Value::Null));
    assert_eq!((&view["started_at"], &view["completed_at"]), (&Value::Null, &Value::Null));
    let config = &view["config"];
    assert_eq!((&config["model"]["rounds"], &config["seed"]), (&json!(9), &json!(7)));
    assert_eq!(config["model"]["num_leaves"], 31);
    assert_eq!(config["dataset"]["version"], data["latest"]["id"]);
    assert_eq!(gateway.get(&ann, &format!("/api/tasks/{id}")).await.expect(200), view);
    let session = gateway.get(&ann, &format!("/api/v1/strategies/sessions/{id}")).await.expect(200);
    assert_eq!(session["strategy_id"], Value::Null);
    let experiments = gateway.get(&ann, "/api/v1/experiments").await.expect(200);
    assert_eq!(experiments["items"][0]["name"], "remote");
    assert_eq!(session["experiment_id"], experiments["items"][0]["id"]);
    let job = claim(&gateway, JobKind::Training).await;
    assert_eq!(job.priority.0, 3);
    assert_eq!(gateway.get(&ann, &path).await.expect(200)["status"], "running");
    let metrics = json!({ "test": { "ic": 0.04 } });
    let completion = Completion { result: json!({ "metrics": metrics }), ..Completion::default() };
    complete(&gateway, &job, completion).await;
    let view = gateway.get(&ann, &path).await.expect(200);
    assert_eq!((&view["status"], &view["progress"]), (&json!("completed"), &json!(100.0)));
    assert_eq!(view["result"]["metrics"], metrics);
    assert_eq!(view["error"], Value::Null);
    assert!(view["completed_at"].is_string() && view["started_at"].is_string());
    // Someone else's, unknown, no id at all.
    for path in
        [path.as_str(), "/api/tasks/task-00000000-0000-7000-8000-000000000000", "/api/tasks/7"]
    {
        gateway.get(&admin, path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_strategy_may_be_the_base() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    gateway.dataset(&ann, "bars").await;
    let strategy = gateway.strategy(&ann, "trees").await;
    let body = json!({ "strategy_id": strategy, "experiment": "from afar", "epochs": 4 });
    let task = gateway.post(&ann, "/api/train", body).await.expect(202);
    let id = session_id(&task).parse().unwrap();
    let job = gateway.store.job(id).await.unwrap().unwrap();
    assert_eq!(job.strategy.unwrap().to_string(), strategy);
    assert_eq!(job.spec["model"]["rounds"], 4);
    let experiments = gateway.get(&ann, "/api/v1/experiments").await.expect(200);
    assert_eq!(experiments["items"][0]["name"], "from afar");
    let others = gateway.post(&admin, "/api/train", json!({ "strategy_id": strategy })).await;
    assert_eq!(others.problem(400, "validation_failed"), ["strategy_id: unknown_strategy"]);
}

#[tokio::test]
async fn bad_fields_are_named_as_the_request_has_them() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let strategy = gateway.strategy(&token, "trees").await;
    for (body, expected) in [
        (json!({}), vec!["dataset_name: required"]),
        (json!({ "dataset_name": "absent" }), vec!["dataset_name: unknown_dataset"]),
        (json!({ "dataset_name": "bars", "epochs": -1 }), vec!["epochs: out_of_range"]),
        (
            json!({ "dataset_name": "bars", "model_type": "oracle" }),
            vec!["model_type: unknown_value"],
        ),
        (json!({ "dataset_name": "bars", "priority": 101 }), vec!["priority: out_of_range"]),
        (json!({ "dataset_name": "bars", "nonsense": 1 }), vec!["nonsense: unknown_field"]),
        (json!({ "strategy_id": "7" }), vec!["strategy_id: unknown_strategy"]),
        (json!({ "strategy_id": strategy, "config": {} }), vec!["config: conflict"]),
        (
            json!({ "dataset_name": "bars", "config": { "model": { "type": "lightgbm", "rounds": 0 } } }),
            vec!["config.model.rounds: out_of_range"],
        ),
    ] {
        let answer = gateway.post(&token, "/api/train", body.clone()).await;
        assert_eq!(answer.problem(400, "validation_failed"), expected, "{body}");
    }
    assert_eq!(gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200)["total"], 0);
    assert_eq!(gateway.get(&token, "/api/v1/experiments").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn a_repeated_training_is_the_same_task() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let train = |body: Value| {
        let request = gateway.request(Method::POST, "/api/train", &token);
        gateway.send(request.header("idempotency-key", "k").json(&body))
    };
    let first = train(json!({ "dataset_name": "bars" })).await.expect(202);
    assert_eq!(train(json!({ "dataset_name": "bars" })).await.expect(202), first);
    train(json!({ "dataset_name": "bars", "epochs": 2 }))
        .await
        .problem(422, "idempotency_conflict");
}
