use alphafleet_domain::job::{Completion, Outcome, ProgressBatch};
use alphafleet_domain::ports::{Claim, JobStore, WorkerRecord};
use alphafleet_domain::{CachedFeature, FeatureKey, Queue, WorkerId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Harness;

const FEATURES: &str = "/api/v1/features";

async fn create(gateway: &Harness, token: &str, name: &str, formula: &str) -> Value {
    let body = json!({ "name": name, "formula": formula, "tags": ["trend"] });
    gateway.post(token, FEATURES, body).await.expect(201)
}

#[tokio::test]
async fn a_feature_lives_through_its_versions() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let made = create(&gateway, &token, "trend", " Mean($close, 5)/$open ").await;
    assert_eq!((&made["version"], &made["kind"]), (&json!(1), &json!("expression")));
    assert_eq!(made["dependencies"], json!(["close", "open"]));
    assert_eq!(made["formula"], "Mean($close, 5)/$open");
    let path = format!("{FEATURES}/{}", made["id"].as_str().unwrap());
    assert_eq!(gateway.get(&token, &path).await.expect(200), made);
    let twin = json!({ "name": "trend", "formula": "$close" });
    gateway.post(&token, FEATURES, twin.clone()).await.problem(409, "conflict");

    let changed = gateway.put(&token, &path, twin).await.expect(200);
    assert_eq!((&changed["version"], &changed["tags"]), (&json!(2), &json!([])));
    // The short form is the same.
    let short = format!("/api/features/{}", made["id"].as_str().unwrap());
    let renamed = json!({ "name": "level", "formula": "$close" });
    let changed = gateway.put(&token, &short, renamed).await.expect(200);
    assert_eq!((&changed["version"], &changed["name"]), (&json!(2), &json!("level")));
    let versions = gateway.get(&token, &format!("{path}/versions")).await.expect(200);
    let formulas: Vec<_> =
        versions["items"].as_array().unwrap().iter().map(|v| v["formula"].clone()).collect();
    assert_eq!(formulas, [json!("$close"), made["formula"].clone()]);

    let other = gateway.researcher(&token, "other").await;
    gateway.get(&other, &path).await.problem(404, "not_found");
    gateway.get(&other, &format!("{path}/versions")).await.problem(404, "not_found");
    gateway.delete(&other, &path).await.problem(404, "not_found");
    let theirs = json!({ "name": "x", "formula": "$close" });
    gateway.put(&other, &path, theirs).await.problem(404, "not_found");
    assert_eq!(gateway.get(&other, FEATURES).await.expect(200)["total"], 0);
    gateway.delete(&token, &path).await.expect(204);
    gateway.get(&token, &path).await.problem(404, "not_found");
    let audit = gateway.get(&token, "/api/v1/audit").await.expect(200);
    let actions: Vec<_> =
        audit["items"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert_eq!(actions[0], "feature.delete");
    assert_eq!(actions.iter().filter(|one| *one == "feature.update").count(), 2);
}

#[tokio::test]
async fn fundamentals_that_the_data_lack_are_refused_by_name() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let formula = "P($$roe_q)/$close";
    let validate = format!("{FEATURES}/validate");
    let checked = gateway.post(&token, &validate, json!({ "formula": formula }));
    assert_eq!(checked.await.expect(200)["fields"], json!(["close", "$$roe_q"]));
    gateway.market(&token, "bars", &["A", "B"], ["2020-01-02", "2020-01-03"]).await;
    create(&gateway, &token, "value", formula).await;
    // Of data that are still to come nothing is known.
    let bound = |name: &str, dataset: &str| json!({ "name": name, "formula": formula, "dataset_name": dataset });
    gateway.post(&token, FEATURES, bound("later", "later")).await.expect(201);
    let refused = gateway.post(&token, FEATURES, bound("bound", "bars")).await;
    assert_eq!(refused.problem(400, "validation_failed"), ["formula: unknown_period_field"]);

    let features = json!({ "expressions": ["feature:value"] });
    let computing = json!({ "dataset": "bars", "features": features });
    let strategy = async |name: &str, config: Value| {
        let body = json!({ "name": name, "config": config });
        gateway.post(&token, "/api/v1/strategies", body).await.expect(201)["id"].clone()
    };
    let trained = strategy("trained", json!({ "features": features })).await;
    let label = json!({ "label": "Ref(P($$roe_q), -2)" });
    let labelled = strategy("labelled", label).await;
    let rules = json!({
        "type": "rules", "entry": "P($$roe_q) > 0.1", "exit": "P($$roe_q) < 0",
        "sizing": { "weight": 0.5 },
    });
    let rules = strategy("rules", json!({ "backtest": { "strategy": rules } })).await;
    let path =
        |id: &Value, verb: &str| format!("/api/v1/strategies/{}/{verb}", id.as_str().unwrap());
    let training = json!({ "dataset_name": "bars" });
    let period = json!({
        "start_date": "2020-01-02", "end_date": "2020-01-02",
        "parameters": { "dataset": "bars" },
    });
    let requests = [
        ("/api/features/calculate".to_owned(), &computing, vec!["features.expressions[0]"]),
        (format!("{FEATURES}/evaluate"), &computing, vec!["features.expressions[0]"]),
        (path(&trained, "train"), &training, vec!["features.expressions[0]"]),
        (path(&labelled, "train"), &training, vec!["label.expression"]),
        (path(&rules, "backtest"), &period, vec!["strategy.entry", "strategy.exit"]),
    ];
    for (path, body, places) in &requests {
        let answer = gateway.post(&token, path, (*body).clone()).await;
        let expected: Vec<String> =
            places.iter().map(|place| format!("{place}: unknown_period_field")).collect();
        assert_eq!(answer.problem(400, "validation_failed"), expected, "{path}");
        let message = answer.json()["faults"][0]["message"].to_string();
        assert!(message.contains("$$roe_q") && message.contains("bars"), "{message}");
    }
    let told = "/api/v1/datasets/bars/announcements?filename=told.csv";
    let told = gateway.request(Method::PUT, told, &token).body("roe_q,1\n");
    gateway.send(told).await.expect(201);
    for (path, body, _) in &requests {
        let session = gateway.post(&token, path, (*body).clone()).await.expect(202);
        let id = session["id"].as_str().unwrap();
        let stop = format!("/api/v1/strategies/sessions/{id}/stop");
        gateway.post(&token, &stop, json!({})).await.expect(202);
    }
    gateway.post(&token, FEATURES, bound("bound", "bars")).await.expect(201);
}

#[tokio::test]
async fn a_bad_formula_is_refused_with_its_position() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let validate = format!("{FEATURES}/validate");
    for path in [FEATURES, &validate] {
        let mut body = json!({ "formula": "$close + Maen($open, 5)" });
        if path == FEATURES {
            body["name"] = json!("bad");
        }
        let answer = gateway.post(&token, path, body).await;
        assert_eq!(answer.problem(400, "validation_failed"), ["formula: invalid_expression"]);
        assert_eq!(answer.json()["faults"][0]["at"], 9);
    }
    let ahead = gateway.post(&token, &validate, json!({ "formula": "Ref($close, -1)" })).await;
    assert_eq!(ahead.problem(400, "validation_failed"), ["formula: look_ahead"]);
    let good = json!({ "formula": "Mean($close,5)/$close" });
    let good = gateway.post(&token, &validate, good).await.expect(200);
    assert_eq!(good["valid"], true);
    assert_eq!((&good["look_back"], &good["look_ahead"]), (&json!(4), &json!(0)));
    assert_eq!(good["fields"], json!(["close"]));
    for (body, fault) in [
        (json!({ "name": "a b", "formula": "$close" }), "name: out_of_range"),
        (json!({ "name": "LABEL0", "formula": "$close" }), "name: out_of_range"),
        (json!({ "name": "a", "formula": "$close", "kind": "magic" }), "kind: unknown_value"),
        (
            json!({ "name": "a", "formula": "$close", "auto_compute": true }),
            "dataset_name: required",
        ),
        (json!({ "name": "a", "formula": "$close", "tags": [""] }), "tags: out_of_range"),
    ] {
        let refused = gateway.post(&token, FEATURES, body).await;
        assert_eq!(refused.problem(400, "validation_failed"), [fault]);
    }
}

#[tokio::test]
async fn sets_are_listed_with_their_formulas() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let sets = gateway.get(&token, &format!("{FEATURES}/sets")).await.expect(200);
    let first = &sets["items"][0];
    assert_eq!((&first["name"], &first["size"]), (&json!("alpha158"), &json!(158)));
    let set = gateway.get(&token, &format!("{FEATURES}/sets/alpha158")).await.expect(200);
    assert_eq!(set["features"].as_array().unwrap().len(), 158);
    assert_eq!(set["features"][0]["name"], "KMID");
    gateway.get(&token, &format!("{FEATURES}/sets/none")).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_computation_names_its_formulas_and_data() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let data = gateway.dataset(&token, "bars").await;
    let made = create(&gateway, &token, "mine", "$close/Ref($close, 1)").await;
    let body = json!({ "dataset": "bars", "features": { "expressions": ["feature:mine"] } });
    let calculate = "/api/features/calculate";
    let keyed = || {
        let request = gateway.request(Method::POST, calculate, &token).json(&body);
        gateway.send(request.header("idempotency-key", "once"))
    };
    let session = keyed().await.expect(202);
    assert_eq!(session["kind"], "feature_computation");
    assert_eq!(session["queue"], "training");
    assert_eq!(session["dataset_version_id"], data["latest"]["id"]);
    let own = &session["config"]["features"]["expressions"][0];
    assert_eq!(own["expression"], "$close/Ref($close, 1)");
    assert_eq!(own["feature"], json!({ "id": made["id"], "version": 1 }));
    assert_eq!(keyed().await.expect(202)["id"], session["id"]);

    for (body, fault) in [
        (json!({ "dataset": "none" }), "dataset.name: unknown_dataset"),
        (
            json!({ "dataset": "bars", "features": { "expressions": ["feature:none"] } }),
            "features.expressions[0]: unknown_value",
        ),
        (json!({ "dataset": "bars", "nonsense": 1 }), "nonsense: unknown_field"),
    ] {
        let refused = gateway.post(&token, calculate, body).await;
        assert_eq!(refused.problem(400, "validation_failed"), [fault]);
    }
}

#[tokio::test]
async fn an_evaluation_names_its_formulas_and_data() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let data = gateway.dataset(&token, "bars").await;
    let made = create(&gateway, &token, "mine", "$close/Ref($close, 1)").await;
    let evaluate = format!("{FEATURES}/evaluate");
    let body = json!({
        "dataset": "bars",
        "features": { "expressions": ["feature:mine"] },
        "horizons": [5, 1], "quantiles": 3, "limits": { "hard_s": 600 },
    });
    let keyed = |body: &Value| {
        let request = gateway.request(Method::POST, &evaluate, &token).json(body);
        gateway.send(request.header("idempotency-key", "once"))
    };
    let session = keyed(&body).await.expect(202);
    assert_eq!(session["kind"], "factor_evaluation");
    assert_eq!(session["queue"], "training");
    assert_eq!(session["dataset_version_id"], data["latest"]["id"]);
    let config = &session["config"];
    assert_eq!(config["dataset"], json!({ "name": "bars", "version": data["latest"]["id"] }));
    assert_eq!((&config["horizons"], &config["price"]), (&json!([5, 1]), &json!("close")));
    let own = &config["features"]["expressions"][0];
    assert_eq!(own["expression"], "$close/Ref($close, 1)");
    assert_eq!(own["feature"], json!({ "id": made["id"], "version": 1 }));
    assert_eq!(keyed(&body).await.expect(202)["id"], session["id"]);
    keyed(&json!({ "dataset": "bars" })).await.problem(422, "idempotency_conflict");

    for (body, fault) in [
        (json!({ "dataset": "none" }), "dataset.name: unknown_dataset"),
        (
            json!({ "dataset": "bars", "features": { "expressions": ["feature:none"] } }),
            "features.expressions[0]: unknown_value",
        ),
        (json!({ "dataset": "bars", "horizons": [0] }), "horizons: out_of_range"),
        (json!({ "dataset": "bars", "nonsense": 1 }), "nonsense: unknown_field"),
    ] {
        let refused = gateway.post(&token, &evaluate, body).await;
        assert_eq!(refused.problem(400, "validation_failed"), [fault]);
    }
    let other = gateway.researcher(&token, "other").await;
    let refused = gateway.post(&other, &evaluate, body).await;
    assert_eq!(
        refused.problem(400, "validation_failed"),
        ["features.expressions[0]: unknown_value"]
    );
}

#[tokio::test]
async fn a_training_records_the_features_it_names() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.dataset(&token, "bars").await;
    let made = create(&gateway, &token, "mine", "$close/Ref($close, 1)").await;
    let config = json!({
        "dataset": "bars",
        "features": { "set": "alpha158", "expressions": ["feature:mine"] },
    });
    let body = json!({ "name": "own", "config": config });
    let strategy = gateway.post(&token, "/api/v1/strategies", body).await.expect(201);
    let train = format!("/api/v1/strategies/{}/train", strategy["id"].as_str().unwrap());
    let session = gateway.post(&token, &train, json!({})).await.expect(202);
    let expected = json!({
        "name": "mine", "expression": "$close/Ref($close, 1)",
        "feature": { "id": made["id"], "version": 1 },
    });
    assert_eq!(session["config"]["features"]["expressions"][0], expected);
    // What was started stays as it was.
    let path = format!("{FEATURES}/{}", made["id"].as_str().unwrap());
    gateway.put(&token, &path, json!({ "name": "mine", "formula": "$open" })).await.expect(200);
    let id = session["id"].as_str().unwrap();
    let stored = gateway.get(&token, &format!("/api/v1/strategies/sessions/{id}")).await;
    assert_eq!(stored.expect(200)["config"]["features"]["expressions"][0], expected);
    gateway.delete(&token, &path).await.expect(204);
    let refused = gateway.post(&token, &train, json!({})).await;
    assert_eq!(refused.problem(400, "validation_failed").len(), 1);
}

/// Completes the one computation that waits, with columns of these keys.
async fn complete(gateway: &Harness, keys: &[&str]) {
    let queues = vec![Queue::training()];
    let worker = WorkerRecord {
        id: WorkerId::new(),
        host: "host".to_owned(),
        pid: 1,
        version: "1".to_owned(),
        queues: queues.clone(),
        slots: 1,
    };
    gateway.store.register_worker(&worker).await.unwrap();
    let claim = Claim { worker: worker.id, queues };
    let job = gateway.store.claim(&claim).await.unwrap().unwrap();
    let column = |key: &&str| CachedFeature {
        key: FeatureKey((*key).to_owned()),
        object_key: format!("features/{key}.parquet"),
        bytes: 1,
        sha256: "ab".repeat(32),
    };
    let features = keys.iter().map(column).collect();
    let completion = Completion { features, ..Completion::default() };
    let (lease, outcome) = (job.lease().unwrap(), Outcome::Completed(completion));
    gateway.store.settle(lease, &outcome, &ProgressBatch::default()).await.unwrap();
}

#[tokio::test]
async fn values_are_read_by_code_once_they_are_computed() {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    let data = gateway.dataset(&token, "bars").await;
    create(&gateway, &token, "mine", "$close/Ref($close, 1)").await;
    let values = "/api/features/A?dataset=bars&names=mine";
    let early = gateway.get(&token, values).await;
    early.problem(409, "features_not_computed");
    assert!(early.json()["detail"].as_str().unwrap().contains("mine"));
    let body = json!({ "dataset": "bars", "features": { "expressions": ["feature:mine"] } });
    gateway.post(&token, "/api/features/calculate", body).await.expect(202);
    complete(&gateway, &["mine", "KMID"]).await;

    let found = gateway.get(&token, values).await.expect(200);
    assert_eq!(found["columns"], json!(["mine"]));
    assert_eq!(found["dataset_version_id"], data["latest"]["id"]);
    assert_eq!((&found["total"], &found["items"][1]["values"]), (&json!(2), &json!([null])));
    let newest = gateway.get(&token, &format!("{values}&limit=1")).await.expect(200);
    assert_eq!((newest["items"].as_array().unwrap().len(), &newest["total"]), (1, &json!(2)));
    let set = gateway.get(&token, "/api/features/A?dataset=bars&set=alpha158").await.expect(200);
    assert_eq!(set["columns"], json!(["KMID"]));
    assert_eq!(set["left_out"].as_array().unwrap().len(), 157);
    gateway.get(&token, "/api/features/B?dataset=bars&names=mine").await.problem(404, "not_found");
    for (query, fault) in [
        ("dataset=none&names=mine", "dataset.name: unknown_dataset"),
        ("dataset=bars", "names: required"),
        ("dataset=bars&names=none", "features.expressions[0]: unknown_value"),
        ("dataset=bars&set=none", "set: unknown_value"),
        ("dataset=bars&set=alpha158&names=NONE", "names: unknown_value"),
        ("dataset=bars&names=mine&from=soon", "from: wrong_type"),
        ("dataset=bars&names=mine&limit=0", "limit: out_of_range"),
    ] {
        let refused = gateway.get(&token, &format!("/api/features/A?{query}")).await;
        assert_eq!(refused.problem(400, "validation_failed"), [fault], "{query}");
    }
    let other = gateway.researcher(&token, "other").await;
    gateway.get(&other, values).await.problem(400, "validation_failed");
}
