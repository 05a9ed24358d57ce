use serde_json::{Value, json};

use crate::harness::Harness;

#[tokio::test]
async fn strategies_are_created_read_replaced_and_deleted() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let body = json!({ "name": "momentum", "description": "first", "config": { "model": { "type": "lgbm" } } });
    let created = gateway.post(&token, "/api/v1/strategies", body.clone()).await;
    let strategy = created.expect(201);
    let path = format!("/api/v1/strategies/{}", strategy["id"].as_str().unwrap());
    assert_eq!(created.header("location"), path);
    assert_eq!(strategy["strategy_type"], "lightgbm");
    assert_eq!(strategy["config"], body["config"]);
    assert_eq!((&strategy["active_sessions"], &strategy["training_count"]), (&json!(0), &json!(0)));
    gateway.post(&token, "/api/v1/strategies", body).await.problem(409, "conflict");
    assert_eq!(gateway.get(&token, &path).await.expect(200), strategy);
    let replacement = json!({ "name": "baseline", "config": { "model": { "type": "linear" } } });
    let replaced = gateway.put(&token, &path, replacement).await.expect(200);
    assert_eq!((&replaced["name"], &replaced["description"]), (&json!("baseline"), &json!("")));
    assert_eq!(replaced["strategy_type"], "linear");
    let count = async |query: &str| {
        let list = gateway.get(&token, &format!("/api/v1/strategies{query}")).await.expect(200);
        (list["items"].as_array().unwrap().len(), list["total"].as_u64().unwrap())
    };
    gateway.post(&token, "/api/v1/strategies", json!({ "name": "other" })).await.expect(201);
    assert_eq!(count("").await, (2, 2));
    assert_eq!(count("?limit=1&offset=1").await, (1, 2));
    assert_eq!(count("?strategy_type=ridge").await, (1, 1));
    assert_eq!(count("?status=active").await, (0, 0));
    assert_eq!(count("?status=idle").await, (2, 2));
    gateway.delete(&token, &path).await.expect(204);
    gateway.get(&token, &path).await.problem(404, "not_found");
    gateway.delete(&token, &path).await.problem(404, "not_found");
    assert_eq!(count("").await, (1, 1));
}

#[tokio::test]
async fn bad_strategies_are_refused_with_every_fault() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let create = |body: Value| gateway.post(&token, "/api/v1/strategies", body);
    let faults =
        create(json!({ "name": "s", "config": { "model": { "type": "lightgbmm" } } })).await;
    assert!(faults.json()["faults"][0]["message"].as_str().unwrap().contains("lightgbm, linear"));
    assert_eq!(faults.problem(400, "validation_failed"), ["config.model.type: unknown_value"]);
    let config = json!({
        "features": { "expressions": ["Ref($close, -1)/$close"] },
        "model": { "type": "lightgbm", "rounds": -1 },
        "nonsense": 1,
    });
    let faults = create(json!({ "name": "s", "config": config })).await;
    let mut faults = faults.problem(400, "validation_failed");
    faults.sort();
    let expected = [
        "config.features.expressions[0]: look_ahead",
        "config.model.rounds: out_of_range",
        "config.nonsense: unknown_field",
    ];
    assert_eq!(faults, expected);
    let faults = create(json!({ "name": " " })).await.problem(400, "validation_failed");
    assert_eq!(faults, ["name: out_of_range"]);
    let faults = create(json!({ "name": "s", "config": [] })).await;
    assert_eq!(faults.problem(400, "validation_failed"), ["config: wrong_type"]);
    for query in ["limit=0", "limit=-1", "limit=1001", "limit=x", "offset=-1", "status=busy"] {
        let answer = gateway.get(&token, &format!("/api/v1/strategies?{query}")).await;
        let field = query.split('=').next().unwrap();
        assert!(answer.problem(400, "validation_failed")[0].starts_with(field), "{query}");
    }
}

#[tokio::test]
async fn templates_are_complete_and_model_types_describe_themselves() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let templates = gateway.get(&token, "/api/v1/strategies/templates").await.expect(200);
    let templates = templates["items"].as_array().unwrap().clone();
    assert!(templates.len() >= 2);
    for template in templates {
        let body = json!({ "name": template["name"], "config": template["config"] });
        gateway.post(&token, "/api/v1/strategies", body).await.expect(201);
    }
    let types = gateway.get(&token, "/api/v1/model-types").await.expect(200);
    let lightgbm = &types["items"][0];
    assert_eq!(lightgbm["name"], "lightgbm");
    assert!(lightgbm["aliases"].as_array().unwrap().contains(&json!("lgbm")));
    let rounds = &lightgbm["parameters"]["properties"]["rounds"];
    assert_eq!(rounds["default"], 1_000, "{rounds}");
    assert_eq!(rounds["minimum"], 1, "{rounds}");
}

#[tokio::test]
async fn what_belongs_to_someone_else_is_not_there() {
    let gateway = Harness::start().await;
    let admin = gateway.admin().await;
    let ann = gateway.researcher(&admin, "ann").await;
    gateway.dataset(&ann, "bars").await;
    let strategy = gateway.strategy(&ann, "hers").await;
    let train = format!("/api/v1/strategies/{strategy}/train");
    let session = gateway.post(&ann, &train, json!({})).await.expect(202);
    let session = session["id"].as_str().unwrap().to_owned();
    let eve = gateway.researcher(&admin, "eve").await;
    for token in [&eve, &admin] {
        let path = format!("/api/v1/strategies/{strategy}");
        gateway.get(token, &path).await.problem(404, "not_found");
        let body = json!({ "name": "stolen" });
        gateway.put(token, &path, body).await.problem(404, "not_found");
        gateway.delete(token, &path).await.problem(404, "not_found");
        gateway.post(token, &train, json!({})).await.problem(404, "not_found");
        for part in [
            "",
            "/status",
            "/metrics",
            "/logs",
            "/artifacts",
            "/artifacts/x",
            "/report",
            "/predictions",
        ] {
            let path = format!("/api/v1/strategies/sessions/{session}{part}");
            gateway.get(token, &path).await.problem(404, "not_found");
        }
        let stop = format!("/api/v1/strategies/sessions/{session}/stop");
        gateway.post(token, &stop, json!({})).await.problem(404, "not_found");
        gateway.get(token, "/api/v1/datasets/bars").await.problem(404, "not_found");
        gateway.get(token, "/api/v1/datasets/bars/versions").await.problem(404, "not_found");
        for list in ["strategies", "strategies/sessions", "datasets", "experiments", "models"] {
            let list = gateway.get(token, &format!("/api/v1/{list}")).await.expect(200);
            assert_eq!(list, json!({ "items": [], "total": 0 }));
        }
    }
    let session = gateway.get(&ann, &format!("/api/v1/strategies/sessions/{session}")).await;
    assert_eq!(session.expect(200)["state"], "pending");
}
