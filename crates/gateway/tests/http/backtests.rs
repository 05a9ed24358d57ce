use alphafleet_domain::job::{Completion, JobKind};
use alphafleet_domain::{ArtifactKind, ArtifactPointer};
use serde_json::{Value, json};

use crate::downloads::artifact;
use crate::harness::Harness;
use crate::sessions::{claim, complete};

const DAYS: [&str; 2] = ["2013-02-08", "2018-02-07"];

/// A gateway, its administrator, a market of five instruments and five years.
async fn market() -> (Harness, String) {
    let gateway = Harness::start().await;
    let token = gateway.admin().await;
    gateway.market(&token, "bars", &["A", "B", "C", "D", "^GSPC"], DAYS).await;
    (gateway, token)
}

async fn strategy(gateway: &Harness, token: &str, name: &str, config: Value) -> String {
    let body = json!({ "name": name, "config": config });
    let strategy = gateway.post(token, "/api/v1/strategies", body).await.expect(201);
    strategy["id"].as_str().unwrap().to_owned()
}

async fn rules(gateway: &Harness, token: &str) -> String {
    let rules = json!({ "type": "momentum", "window": 20, "skip": 1, "topk": 2, "every": 5 });
    let config = json!({ "dataset": "bars", "backtest": { "strategy": rules } });
    strategy(gateway, token, "rules", config).await
}

fn path(strategy: &str) -> String {
    format!("/api/v1/strategies/{strategy}/backtest")
}

fn from_to(start: &str, end: &str) -> Value {
    json!({ "start_date": start, "end_date": end })
}

/// Trains and completes it with these files; answers the session.
async fn trained(gateway: &Harness, token: &str, strategy: &str, files: &[ArtifactKind]) -> String {
    let days = ["2013-02-08", "2016-12-29", "2017-01-03", "2018-02-07"];
    trained_over(gateway, token, strategy, files, days).await
}

/// Fitted and stopped on the days of the first pair, and scored those of the second.
async fn trained_over(
    gateway: &Harness,
    token: &str,
    strategy: &str,
    files: &[ArtifactKind],
    [first, fitted, scored, last]: [&str; 4],
) -> String {
    let train = format!("/api/v1/strategies/{strategy}/train");
    let session = gateway.post(token, &train, json!({ "epochs": 3 })).await.expect(202);
    let job = claim(gateway, JobKind::Training).await;
    assert_eq!(session["id"], job.id.to_string());
    let mut artifacts: Vec<ArtifactPointer> = Vec::new();
    for kind in files {
        let name = format!("{}-{}", job.id, kind.as_str());
        artifacts.push(artifact(gateway, *kind, &name, name.as_bytes()).await);
    }
    let segment = |name: &str, start: &str, end: &str| json!({ "name": name, "start": start, "end": end, "rows": 7 });
    let result = json!({ "segments": [
        segment("train", first, "2013-12-31"),
        segment("valid", "2014-01-02", fitted),
        segment("test", scored, last),
    ] });
    complete(gateway, &job, Completion { result, artifacts, ..Completion::default() }).await;
    job.id.to_string()
}

#[tokio::test]
async fn rules_are_backtested_without_a_model() {
    let (gateway, token) = market().await;
    let strategy = rules(&gateway, &token).await;
    let view = gateway.get(&token, &format!("/api/v1/strategies/{strategy}")).await.expect(200);
    assert_eq!(view["strategy_type"], "momentum");
    let body = json!({ "start_date": "2013-02-08", "end_date": "2018-02-07",
        "initial_capital": 5e4, "benchmark": "^GSPC", "parameters": { "strategy": { "topk": 3 } } });
    let answer = gateway.post(&token, &path(&strategy), body).await;
    let session = answer.expect(202);
    let location = format!("/api/v1/strategies/sessions/{}", session["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), location);
    assert_eq!(
        (&session["kind"], &session["queue"], &session["state"]),
        (&json!("backtest"), &json!("backtest"), &json!("pending"))
    );
    let plan = &session["config"]["plan"];
    assert_eq!((&plan["capital"], &plan["benchmark"]), (&json!(5e4), &json!("^GSPC")));
    assert_eq!((&plan["strategy"]["topk"], &plan["strategy"]["window"]), (&json!(3), &json!(20)));
    let version = &session["dataset_version_id"];
    assert_eq!(session["config"]["dataset"], json!({ "name": "bars", "version": version }));
    assert!(session["config"].get("signals").is_none());
    assert_eq!(gateway.get(&token, &location).await.expect(200), session);

    let audit = gateway.get(&token, "/api/v1/audit").await.expect(200);
    assert_eq!(audit["items"][0]["action"], "session.submit");
    assert_eq!(audit["items"][0]["details"]["kind"], "backtest");
    let view = gateway.get(&token, &format!("/api/v1/strategies/{strategy}")).await.expect(200);
    assert_eq!((&view["active_sessions"], &view["training_count"]), (&json!(1), &json!(0)));
    let train = format!("/api/v1/strategies/{strategy}/train");
    let refused = gateway.post(&token, &train, json!({})).await;
    assert_eq!(refused.problem(400, "validation_failed"), ["strategy: not_supported"]);
}

#[tokio::test]
async fn a_repeated_request_starts_one_backtest() {
    let (gateway, token) = market().await;
    let strategy = rules(&gateway, &token).await;
    let post = |key: &str, body: Value| {
        let request = gateway.request(reqwest::Method::POST, &path(&strategy), &token);
        gateway.send(request.header("idempotency-key", key).json(&body))
    };
    let body = from_to("2014-01-02", "2015-01-02");
    let first = post("k", body.clone()).await.expect(202);
    assert_eq!(post("k", body).await.expect(202)["id"], first["id"]);
    post("k", from_to("2014-01-02", "2016-01-04")).await.problem(422, "idempotency_conflict");
    let other = gateway.researcher(&token, "other").await;
    let foreign = gateway.post(&other, &path(&strategy), from_to("2014-01-02", "2015-01-02")).await;
    foreign.problem(404, "not_found");
}

#[tokio::test]
async fn scores_come_from_the_newest_completed_training() {
    let (gateway, token) = market().await;
    let strategy = gateway.strategy(&token, "trees").await;
    let body = from_to("2017-01-03", "2018-02-07");
    let refused = gateway.post(&token, &path(&strategy), body.clone()).await;
    refused.problem(409, "no_completed_training");
    assert!(refused.json()["detail"].as_str().unwrap().contains("/train"));
    trained(&gateway, &token, &strategy, &[ArtifactKind::Model]).await;
    gateway.post(&token, &path(&strategy), body.clone()).await.problem(409, "no_scores");

    let first = trained(&gateway, &token, &strategy, &[ArtifactKind::Predictions]).await;
    // What was trained on stays what is backtested on.
    gateway.market(&token, "bars", &["A"], ["2013-02-08", "2024-02-07"]).await;
    let session = gateway.post(&token, &path(&strategy), body.clone()).await.expect(202);
    let of = |id: &str| format!("/api/v1/strategies/sessions/{id}");
    let training = gateway.get(&token, &of(&first)).await.expect(200);
    assert_eq!(session["dataset_version_id"], training["dataset_version_id"]);
    let fitted = json!({ "start": "2013-02-08", "end": "2016-12-29" });
    let used = &session["config"]["signals"][0]["used"];
    let signal = json!({ "session": first, "fitted": fitted, "used": used });
    assert_eq!(session["config"]["signals"], json!([signal]));
    assert_eq!(session["config"]["plan"]["strategy"]["topk"], 1, "a fifth of five");
    let newer = json!({ "start_date": "2017-01-03", "end_date": "2018-02-07",
        "parameters": { "dataset": "bars" } });
    let session = gateway.post(&token, &path(&strategy), newer).await.expect(202);
    assert_ne!(session["dataset_version_id"], training["dataset_version_id"]);

    for id in [&session["id"]] {
        gateway
            .post(&token, &format!("{}/stop", of(id.as_str().unwrap())), json!({}))
            .await
            .expect(202);
    }
    let second = trained(&gateway, &token, &strategy, &[ArtifactKind::Predictions]).await;
    let session = gateway.post(&token, &path(&strategy), body).await.expect(202);
    assert_eq!(session["config"]["signals"][0]["session"], second);
    let stop = format!("{}/stop", of(session["id"].as_str().unwrap()));
    gateway.post(&token, &stop, json!({})).await.expect(202);
    let named = json!({ "start_date": "2017-01-03", "end_date": "2018-02-07",
        "parameters": { "session": first } });
    let session = gateway.post(&token, &path(&strategy), named).await.expect(202);
    assert_eq!(session["config"]["signals"][0]["session"], first);
}

#[tokio::test]
async fn models_trained_again_take_turns() {
    let (gateway, token) = market().await;
    let strategy = gateway.strategy(&token, "trees").await;
    let files = &[ArtifactKind::Predictions];
    let first = ["2013-02-08", "2015-12-31", "2016-01-04", "2018-02-07"];
    let first = trained_over(&gateway, &token, &strategy, files, first).await;
    let second = trained(&gateway, &token, &strategy, files).await;
    let request = |start: &str, sessions: Value| {
        let body = json!({ "start_date": start, "end_date": "2018-02-07",
            "parameters": { "sessions": sessions } });
        let (gateway, token, path) = (&gateway, &token, path(&strategy));
        async move { gateway.post(token, &path, body).await }
    };
    let session = request("2016-01-04", json!([second, first])).await.expect(202);
    let turn = |session: &str, fitted: &str, from: &str, to: &str| {
        json!({ "session": session, "fitted": { "start": "2013-02-08", "end": fitted },
            "used": { "start": from, "end": to } })
    };
    let turns = json!([
        turn(&first, "2015-12-31", "2016-01-04", "2017-01-02"),
        turn(&second, "2016-12-29", "2017-01-03", "2018-02-07"),
    ]);
    assert_eq!(session["config"]["signals"], turns);

    let refused = |at: &str, sessions: Value| {
        let at = at.to_owned();
        let answer = request("2016-01-04", sessions);
        async move { assert_eq!(answer.await.problem(400, "validation_failed"), [at]) }
    };
    refused("parameters.sessions[1]: conflict", json!([first, first])).await;
    refused("parameters.sessions[0]: wrong_type", json!(["first"])).await;
    refused("parameters.sessions: out_of_range", json!([])).await;
    let nobody = json!([first, "00000000-0000-7000-8000-000000000000"]);
    refused("parameters.sessions[1]: unknown_session", nobody).await;
    let early = request("2015-12-30", json!([first, second])).await;
    assert_eq!(early.problem(400, "validation_failed"), ["start_date: overlaps_training"]);
    let third = trained(&gateway, &token, &strategy, files).await;
    refused("parameters.sessions: conflict", json!([second, third])).await;
}

#[tokio::test]
async fn a_period_the_model_has_seen_or_not_scored_is_refused() {
    let (gateway, token) = market().await;
    let strategy = gateway.strategy(&token, "trees").await;
    trained(&gateway, &token, &strategy, &[ArtifactKind::Predictions]).await;
    let refused = async |start: &str, end: &str, allow: bool| {
        let body = json!({ "start_date": start, "end_date": end,
            "parameters": { "allow_training_overlap": allow } });
        let answer = gateway.post(&token, &path(&strategy), body).await;
        let said = answer.json().to_string();
        assert!(said.contains("2017-01-03 to 2018-02-07"), "{said}");
        answer.problem(400, "validation_failed").join(" ")
    };
    let seen = "start_date: overlaps_training";
    assert_eq!(refused("2014-01-02", "2015-01-02", false).await, seen);
    assert_eq!(refused("2016-12-29", "2017-06-30", false).await, seen);
    assert_eq!(refused("2016-12-29", "2017-06-30", true).await, "start_date: no_scores");
    assert_eq!(refused("2016-12-30", "2017-06-30", false).await, "start_date: no_scores");
    assert_eq!(refused("2017-01-03", "2018-02-08", false).await, "end_date: no_scores");

    // What can do without scores may be told to look at what its model has seen.
    let weighting =
        json!({ "window": 60, "shrinkage": 0.3, "risk_aversion": 10.0, "max_weight": 0.5 });
    let free = json!({ "type": "weights", "weighting": { "mean_variance": weighting } });
    let both = |allow: bool| {
        json!({ "start_date": "2014-01-02", "end_date": "2015-01-02",
        "parameters": { "strategy": free, "allow_training_overlap": allow } })
    };
    let answer = gateway.post(&token, &path(&strategy), both(false)).await;
    assert!(
        answer.json().to_string().contains("allow_training_overlap = true"),
        "{}",
        answer.json()
    );
    assert_eq!(answer.problem(400, "validation_failed"), [seen]);
    let session = gateway.post(&token, &path(&strategy), both(true)).await.expect(202);
    assert_eq!(session["config"]["allow_training_overlap"], true);
}

#[tokio::test]
async fn bad_requests_to_backtest_name_each_field_and_change_nothing() {
    let (gateway, token) = market().await;
    let strategy = rules(&gateway, &token).await;
    let probe = gateway.probe(&token).await;
    let model = gateway.strategy(&token, "trees").await;
    let train = format!("/api/v1/strategies/{model}/train");
    let pending = gateway.post(&token, &train, json!({})).await.expect(202)["id"].clone();
    let with = |fields: Value| {
        let mut body = from_to("2014-01-02", "2015-01-02");
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    for (body, expected) in [
        (json!({}), vec!["start_date: required", "end_date: required"]),
        (from_to("2015-01-02", "2014-01-02"), vec!["end_date: invalid_period"]),
        (from_to("2012-01-02", "2014-01-02"), vec!["start_date: outside_data"]),
        (from_to("2014-01-02", "2019-01-02"), vec!["end_date: outside_data"]),
        (with(json!({ "initial_capital": 0 })), vec!["initial_capital: out_of_range"]),
        (with(json!({ "initial_capital": -5 })), vec!["initial_capital: out_of_range"]),
        (
            with(json!({ "parameters": { "strategy": { "type": "rules",
                "entry": "Gt(Ref($close, -1), $close)", "exit": "Lt($close, 1)",
                "sizing": { "weight": 0.5 } } } })),
            vec!["parameters.strategy.entry: look_ahead"],
        ),
        (with(json!({ "benchmark": "NONE" })), vec!["benchmark: unknown_value"]),
        (with(json!({ "nonsense": 1 })), vec!["nonsense: unknown_field"]),
        (with(json!({ "parameters": { "speed": 1 } })), vec!["parameters.speed: unknown_field"]),
        (
            with(json!({ "parameters": { "strategy": { "topk": 0 } } })),
            vec!["parameters.strategy.topk: out_of_range"],
        ),
        (
            with(json!({ "parameters": { "universe": { "include": ["X"] } } })),
            vec!["parameters.universe: empty"],
        ),
        (
            with(json!({ "parameters": { "universe": { "members": "sp500" } } })),
            vec!["parameters.universe.members: unknown_value"],
        ),
        (
            with(json!({ "parameters": { "currency": "EUR" } })),
            vec!["parameters.currency: not_supported"],
        ),
        (
            with(json!({ "parameters": { "dataset": "absent" } })),
            vec!["parameters.dataset.name: unknown_dataset"],
        ),
        (
            with(json!({ "parameters": { "dataset": { "name": "bars", "version": "x" } } })),
            vec!["parameters.dataset.version: unknown_version"],
        ),
        (
            with(json!({ "parameters": { "session": pending } })),
            vec!["parameters.session: not_supported"],
        ),
    ] {
        let answer = gateway.post(&token, &path(&strategy), body.clone()).await;
        assert_eq!(answer.problem(400, "validation_failed"), expected, "{body}");
    }
    let other = gateway.researcher(&token, "other").await;
    gateway.market(&other, "bars", &["A"], DAYS).await;
    let theirs = gateway.strategy(&other, "theirs").await;
    let theirs = trained_by(&gateway, &other, &theirs, &pending).await;
    for (session, expected) in [
        (json!(probe), "parameters.session: not_a_training"),
        (pending, "parameters.session: not_completed"),
        (json!("00000000-0000-7000-8000-000000000000"), "parameters.session: unknown_session"),
        (theirs, "parameters.session: unknown_session"),
    ] {
        let body = with(json!({ "parameters": { "session": session } }));
        let answer = gateway.post(&token, &path(&model), body.clone()).await;
        assert_eq!(answer.problem(400, "validation_failed"), [expected], "{body}");
    }
    let sessions = gateway.get(&token, "/api/v1/strategies/sessions").await.expect(200);
    assert_eq!(sessions["total"], 2, "the probe and the training");
}

/// Somebody else's completed training, while another one waits.
async fn trained_by(gateway: &Harness, token: &str, strategy: &str, waiting: &Value) -> Value {
    let train = format!("/api/v1/strategies/{strategy}/train");
    let session = gateway.post(token, &train, json!({})).await.expect(202);
    loop {
        let job = claim(gateway, JobKind::Training).await;
        if *waiting == job.id.to_string() {
            continue;
        }
        complete(gateway, &job, Completion::default()).await;
        return session["id"].clone();
    }
}

#[tokio::test]
async fn rules_are_among_the_templates() {
    let (gateway, token) = market().await;
    let list = gateway.get(&token, "/api/v1/strategies/templates").await.expect(200);
    let items = list["items"].as_array().unwrap();
    let momentum = items.iter().find(|template| template["name"] == "momentum").unwrap();
    let body = json!({ "name": "from template", "config": momentum["config"] });
    let made = gateway.post(&token, "/api/v1/strategies", body).await.expect(201);
    assert_eq!(made["strategy_type"], "momentum");
    let typed = gateway.get(&token, "/api/v1/strategies?strategy_type=momentum").await.expect(200);
    assert_eq!(typed["total"], 1);
}

/// Completes the backtest that waits, with these figures.
async fn done(gateway: &Harness, id: &Value, metrics: Value) {
    let job = claim(gateway, JobKind::Backtest).await;
    assert_eq!(*id, job.id.to_string());
    let conventions = json!({ "conventions": { "sharpe": "mean over deviation" } }).to_string();
    let name = format!("{}-metrics.json", job.id);
    let file = artifact(gateway, ArtifactKind::Metrics, &name, conventions.as_bytes()).await;
    let result = json!({ "metrics": metrics });
    let completion = Completion { result, artifacts: vec![file], ..Completion::default() };
    complete(gateway, &job, completion).await;
}

#[tokio::test]
async fn completed_backtests_are_compared() {
    let (gateway, token) = market().await;
    let strategy = rules(&gateway, &token).await;
    let start = async |end: &str, topk: u32| {
        let body = json!({ "start_date": "2014-01-02", "end_date": end,
            "parameters": { "strategy": { "topk": topk } } });
        gateway.post(&token, &path(&strategy), body).await.expect(202)["id"].clone()
    };
    let compare = async |token: &str, ids: &[&Value]| {
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
        gateway.get(token, &format!("/api/v1/backtests/compare?ids={}", ids.join(","))).await
    };
    let first = start("2015-01-02", 2).await;
    done(&gateway, &first, json!({ "sharpe": 1.5, "total_return": 0.1 })).await;
    let second = start("2016-01-04", 3).await;
    let early = compare(&token, &[&first, &second]).await;
    assert_eq!(early.problem(400, "validation_failed"), ["ids: not_completed"]);
    done(&gateway, &second, json!({ "sharpe": null, "total_return": 0.2, "beta": 1.0 })).await;

    let both = compare(&token, &[&first, &second]).await.expect(200);
    let sessions = both["sessions"].as_array().unwrap();
    assert_eq!((&sessions[0]["id"], &sessions[1]["end_date"]), (&first, &json!("2016-01-04")));
    assert_eq!(sessions[0]["out_of_sample"], true);
    let figures = json!([
        { "name": "sharpe", "convention": "mean over deviation", "values": [1.5, null] },
        { "name": "total_return", "convention": null, "values": [0.1, 0.2] },
        { "name": "beta", "convention": null, "values": [null, 1.0] },
    ]);
    assert_eq!(both["figures"], figures);
    let differences = json!([
        { "field": "plan.period.end", "values": ["2015-01-02", "2016-01-04"] },
        { "field": "plan.strategy.topk", "values": [2, 3] },
    ]);
    assert_eq!(both["differences"], differences);

    let other = gateway.researcher(&token, "other").await;
    compare(&other, &[&first, &second]).await.problem(404, "not_found");
    let probe = json!(gateway.probe(&token).await);
    let mixed = compare(&token, &[&first, &probe]).await;
    assert_eq!(mixed.problem(400, "validation_failed"), ["ids: not_a_backtest"]);
    let alone = compare(&token, &[&first]).await;
    assert_eq!(alone.problem(400, "validation_failed"), ["ids: out_of_range"]);
}

#[tokio::test]
async fn a_sweep_is_one_session_and_its_faults_name_the_axis() {
    let (gateway, token) = market().await;
    let strategy = rules(&gateway, &token).await;
    let path = format!("/api/v1/strategies/{strategy}/sweep");
    let body = |axes: Value| {
        json!({ "start_date": "2014-01-02", "end_date": "2018-02-07", "axes": axes,
            "walk_forward": { "train": 250, "test": 60 } })
    };
    let axes = json!([
        { "path": "strategy.window", "values": [10, 20, 60] },
        { "path": "strategy.topk", "values": [1, 2] },
    ]);
    let post = |key: &str| {
        let request = gateway.request(reqwest::Method::POST, &path, &token);
        gateway.send(request.header("idempotency-key", key).json(&body(axes.clone())))
    };
    let session = post("k").await.expect(202);
    assert_eq!(post("k").await.expect(202)["id"], session["id"]);
    assert_eq!(
        (&session["kind"], &session["queue"]),
        (&json!("backtest_sweep"), &json!("backtest"))
    );
    let config = &session["config"];
    assert_eq!(config["sweep"]["axes"], axes);
    assert_eq!(config["sweep"]["objective"], "sharpe");
    assert_eq!(config["sweep"]["walk_forward"], json!({ "train": 250, "test": 60 }));
    assert_eq!(config["backtest"]["plan"]["strategy"]["window"], 20);
    let job = claim(&gateway, JobKind::BacktestSweep).await;
    assert_eq!(session["id"], job.id.to_string());

    for (axes, fault) in [
        (json!([]), "axes: out_of_range"),
        (json!([{ "path": "strategy.speed", "values": [1] }]), "axes[0].values[0]: unknown_field"),
        (
            json!([{ "path": "strategy.topk", "values": [1, "all"] }]),
            "axes[0].values[1]: wrong_type",
        ),
        (json!([{ "path": "period", "values": [1] }]), "axes[0].path: not_supported"),
    ] {
        let refused = gateway.post(&token, &path, body(axes)).await;
        assert_eq!(refused.problem(400, "validation_failed"), [fault]);
    }
    let mut absent = body(json!([]));
    absent.as_object_mut().unwrap().remove("axes");
    let refused = gateway.post(&token, &path, absent).await;
    assert_eq!(refused.problem(400, "validation_failed"), ["axes: required"]);
}
