//! Backtests over the real binaries: of a model and of rules, followed, killed, cancelled, refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use alphafleet_market::SyntheticMarket;
use alphafleet_tests::{
    Client, Cluster, Fleet, Layout, Socket, binary, children_of, eventually, is_alive, kill_9,
    shared_folder,
};
use serde_json::{Value, json};

/// Real stocks of which a few are looked at.
const NAMES: [&str; 12] =
    ["AAPL", "AMZN", "BAC", "CVX", "GE", "IBM", "JNJ", "JPM", "KO", "MSFT", "WMT", "XOM"];

fn market(folder: &Path, instruments: usize, bars: usize) -> PathBuf {
    let market = SyntheticMarket { instruments, bars, ..SyntheticMarket::default() };
    let file = folder.join("market.parquet");
    alphafleet_datasets::write_panel(&file, &market.generate().unwrap()).unwrap();
    file
}

/// A model of a few factors on real stocks, trained; answers strategy and session.
async fn trained(client: &Client, name: &str) -> (String, Value) {
    let factors = [
        "$close/Ref($close, 5) - 1",
        "$close/Ref($close, 20) - 1",
        "Std($close, 20)/$close",
        "Corr($close, Log($volume+1), 20)",
    ];
    let factors: Vec<Value> = (factors.iter().enumerate())
        .map(|(at, factor)| json!({ "name": format!("F{at}"), "expression": factor }))
        .collect();
    let config = json!({
        "dataset": "sp500",
        "universe": { "include": NAMES },
        "features": { "expressions": factors },
        "model": { "type": "lightgbm", "rounds": 10, "num_leaves": 7 },
        "threads": 1,
    });
    let strategy = client.strategy(name, config).await;
    let body = json!({ "start_date": "2017-03-01", "end_date": "2017-11-30" });
    let refused = client.backtest(&strategy, body).await;
    refused.refused(409, "no_completed_training");
    let session = client.train(&strategy, json!({})).await.ok();
    let done = client.until_ended(session["id"].as_str().unwrap()).await;
    assert_eq!(done["state"], "completed", "{done}");
    (strategy, done)
}

fn segment(training: &Value, name: &str) -> (String, String) {
    let segments = training["result"]["segments"].as_array().unwrap();
    let segment = segments.iter().find(|segment| segment["name"] == name).unwrap();
    let day = |name: &str| segment[name].as_str().unwrap().to_owned();
    (day("start"), day("end"))
}

/// Follows a session to its end; answers every frame of its stream.
async fn followed(client: &Client, session: &str) -> Vec<Value> {
    let mut socket = Socket::open(client).await;
    socket.subscribe(session, None).await;
    let mut frames = Vec::new();
    loop {
        let frame = socket.next().await;
        assert!(frame["type"] != "gap" && frame["type"] != "training_failed", "{frame}");
        let is_last = frame["type"] == "training_completed";
        if frame["cursor"].is_object() {
            frames.push(frame);
        }
        if is_last {
            return frames;
        }
    }
}

/// The points of one metric, in the order in which they came.
fn curve(frames: &[Value], name: &str) -> Vec<(u64, f64)> {
    let points = frames.iter().filter_map(|frame| frame["points"].as_array()).flatten();
    let own = points.filter(|point| point["name"] == name);
    own.map(|point| (point["step"].as_u64().unwrap(), point["value"].as_f64().unwrap())).collect()
}

async fn report(client: &Client, session: &str) -> Value {
    let path = format!("/api/v1/strategies/sessions/{session}/report");
    serde_json::from_slice(&client.bytes(&path).await).unwrap()
}

#[tokio::test]
async fn a_model_is_backtested_on_days_it_has_not_seen() {
    let Some(shared) = shared_folder() else { return };
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("sp500", &shared.join("data/sp500_2013_2017.parquet")).await.ok();
    let (strategy, training) = trained(&client, "trees").await;
    let (start, end) = segment(&training, "test");
    let (_, fitted) = segment(&training, "valid");
    let body = json!({ "start_date": start, "end_date": end, "benchmark": "AAPL" });
    let session = client.backtest(&strategy, body).await.ok();
    assert_eq!((&session["kind"], &session["queue"]), (&json!("backtest"), &json!("backtest")));
    assert_eq!(session["dataset_version_id"], training["dataset_version_id"]);
    assert_eq!(session["config"]["signals"][0]["session"], training["id"]);
    assert_eq!(session["config"]["plan"]["strategy"]["topk"], 2, "a fifth of twelve");
    let id = session["id"].as_str().unwrap();
    let frames = followed(&client, id).await;

    let mut stages: Vec<&str> =
        frames.iter().filter_map(|f| f["progress"]["stage"].as_str()).collect();
    stages.dedup();
    assert_eq!(stages, ["preparing", "simulating", "evaluating", "completed"]);
    let done = client.session(id).await;
    let report = report(&client, id).await;
    assert_eq!(report["kind"], "alphafleet.backtest_report");
    assert_eq!(report["session"], session["id"]);
    let bars = report["curve"].as_array().unwrap();
    for name in ["equity", "benchmark", "drawdown"] {
        let told = curve(&frames, name);
        let expected: Vec<(u64, f64)> = (bars.iter().enumerate())
            .map(|(step, bar)| (step as u64, bar[name].as_f64().unwrap()))
            .collect();
        let differs = told.iter().zip(&expected).find(|(told, expected)| {
            told.0 != expected.0 || (told.1 - expected.1).abs() > 1e-9 * expected.1.abs().max(1.0)
        });
        assert_eq!((told.len(), differs), (expected.len(), None), "{name}");
    }
    let last = curve(&frames, "equity").last().unwrap().1;
    assert_eq!(done["result"]["metrics"]["final_equity"].as_f64(), Some(last));
    let path = format!("/api/v1/strategies/sessions/{id}");
    let listed = client.get(&format!("{path}/metrics?metric_name=equity&limit=100000")).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), bars.len());
    let page = client.bytes(&format!("{path}/report?format=html")).await;
    assert!(String::from_utf8(page).unwrap().contains("<html"));
    let artifacts = client.get(&format!("{path}/artifacts")).await.ok().to_string();
    for file in ["report.parquet", "positions.parquet", "trades.parquet", "metrics.json"] {
        assert!(artifacts.contains(file), "{file}: {artifacts}");
    }

    let metrics = &done["result"]["metrics"];
    assert_eq!(done["result"]["out_of_sample"], true);
    let view = client.get(&format!("/api/v1/strategies/{strategy}")).await.ok();
    assert_eq!(view["best_return"], metrics["total_return"]);
    assert_eq!(view["best_sharpe"], metrics["sharpe"]);
    let of = json!({ "session_id": id, "start_date": start, "end_date": end });
    assert_eq!(view["best_return_of"], of);

    refusals(&client, &strategy, &fitted, &end).await;
    drop(fleet);
}

#[tokio::test]
async fn models_trained_again_take_turns() {
    let Some(shared) = shared_folder() else { return };
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("sp500", &shared.join("data/sp500_2013_2017.parquet")).await.ok();
    let config = json!({
        "dataset": "sp500",
        "universe": { "include": NAMES },
        "features": { "expressions": [
            { "name": "F0", "expression": "$close/Ref($close, 5) - 1" },
            { "name": "F1", "expression": "Std($close, 20)/$close" },
        ] },
        "model": { "type": "linear" },
        "threads": 1,
    });
    let strategy = client.strategy("again", config).await;
    let mut sessions = Vec::new();
    for (train, valid, test) in
        [("2015-06-30", "2015-07-01", "2016-01-04"), ("2016-06-30", "2016-07-01", "2017-01-03")]
    {
        let day_before = test.parse::<chrono::NaiveDate>().unwrap().pred_opt().unwrap();
        let segments = json!({
            "train": { "start": "2013-02-08", "end": train },
            "valid": { "start": valid, "end": day_before },
            "test": { "start": test, "end": "2017-11-30" },
        });
        let body = json!({ "parameters": { "segments": segments } });
        let session = client.train(&strategy, body).await.ok();
        let done = client.until_ended(session["id"].as_str().unwrap()).await;
        assert_eq!(done["state"], "completed", "{done}");
        sessions.push(session["id"].clone());
    }
    let equity = async |sessions: &[Value]| {
        let body = json!({ "start_date": "2016-01-04", "end_date": "2017-11-30",
            "parameters": { "sessions": sessions, "strategy": { "topk": 3, "n_drop": 1 } } });
        let session = client.backtest(&strategy, body).await.ok();
        let done = client.until_ended(session["id"].as_str().unwrap()).await;
        assert_eq!(done["state"], "completed", "{done}");
        assert_eq!(done["result"]["out_of_sample"], true);
        let report = report(&client, session["id"].as_str().unwrap()).await;
        let bars = report["curve"].as_array().unwrap().clone();
        bars.into_iter()
            .map(|bar| (bar["datetime"].clone(), bar["equity"].clone()))
            .collect::<Vec<_>>()
    };
    let (alone, in_turn) = (equity(&sessions[..1]).await, equity(&sessions).await);
    assert_eq!(alone.len(), in_turn.len());
    let first = alone.iter().zip(&in_turn).position(|(alone, turn)| alone != turn);
    let first = alone[first.expect("the second model never traded")].0.as_str().unwrap();
    // Its first scores are of 3 January, and traded on the day after.
    assert!(first >= "2017-01-04", "the second model was heard before its time, on {first}");
    drop(fleet);
}

#[tokio::test]
async fn members_alone_are_scored_and_bought() {
    let (fleet, client) = Fleet::start(&[]).await;
    let market = SyntheticMarket { instruments: 20, bars: 500, ..SyntheticMarket::default() };
    let panel = market.generate().unwrap();
    let (bars, cells) =
        (panel.calendar().len(), panel.instruments().len() * panel.calendar().len());
    // Who belongs changes every thirty bars, differently for each.
    let belongs =
        |cell: usize| f64::from(u8::from(!(cell / bars + cell % bars / 30).is_multiple_of(3)));
    let panel = panel.with_field("member", (0..cells).map(belongs).collect()).unwrap();
    let file = fleet.data_dir().join("members.parquet");
    alphafleet_datasets::write_panel(&file, &panel).unwrap();
    client.import("members", &file).await.ok();
    let panel = panel.with_members("member").unwrap();
    let config = json!({
        "dataset": "members",
        "universe": { "members": "$member" },
        "features": { "expressions": [
            { "name": "F0", "expression": "CSRank($close/Ref($close, 5))" },
            { "name": "F1", "expression": "Std($close, 20)/$close" },
        ] },
        "model": { "type": "linear" },
        "threads": 1,
    });
    let strategy = client.strategy("members", config).await;
    let training = client.train(&strategy, json!({})).await.ok();
    let training = client.until_ended(training["id"].as_str().unwrap()).await;
    assert_eq!(training["state"], "completed", "{training}");
    let member = |instrument: &str, time: &chrono::NaiveDateTime, before: usize| {
        let at =
            panel.instruments().binary_search_by(|name| name.as_str().cmp(instrument)).unwrap();
        let bar = panel.calendar().binary_search(time).unwrap();
        panel.is_member(at, bar - before)
    };
    let file = async |session: &str, name: &str| {
        let path = format!("/api/v1/strategies/sessions/{session}/artifacts/{name}");
        alphafleet_datasets::read_table(name, client.bytes(&path).await).unwrap()
    };
    let scores = file(training["id"].as_str().unwrap(), "predictions.parquet").await;
    assert!(scores.times.len() > 500);
    for (instrument, time) in scores.instruments.iter().zip(&scores.times) {
        assert!(member(instrument, time, 0), "{instrument} is scored at {time}");
    }

    let (start, end) = segment(&training, "test");
    let body = json!({ "start_date": start, "end_date": end,
        "parameters": { "strategy": { "topk": 5, "n_drop": 1 } } });
    let session = client.backtest(&strategy, body).await.ok();
    assert_eq!(session["config"]["universe"], json!({ "members": "member" }));
    let id = session["id"].as_str().unwrap();
    let done = client.until_ended(id).await;
    assert_eq!(done["state"], "completed", "{done}");
    let held = file(id, "positions.parquet").await;
    assert!(held.times.len() > 200);
    for (instrument, time) in held.instruments.iter().zip(&held.times) {
        assert!(member(instrument, time, 1), "{instrument} is held at {time}");
    }
    let refused = json!({ "start_date": start, "end_date": end,
        "parameters": { "universe": { "members": "sp500" } } });
    let said = client.backtest(&strategy, refused).await.refused(400, "validation_failed");
    assert!(said.contains("parameters.universe.members") && said.contains("$member"), "{said}");
    let refused = json!({ "parameters": { "universe": { "members": "sp500" } } });
    let said = client.train(&strategy, refused).await.refused(400, "validation_failed");
    assert!(said.contains("universe.members"), "{said}");
    drop(fleet);
}

async fn refusals(client: &Client, strategy: &str, fitted: &str, end: &str) {
    for (body, fault) in [
        (json!({ "start_date": fitted, "end_date": end }), "overlaps_training"),
        (json!({ "start_date": end, "end_date": "2030-01-02" }), "no_scores"),
        (json!({ "start_date": end, "end_date": end, "initial_capital": 0 }), "initial_capital"),
        (json!({ "start_date": end, "end_date": end, "benchmark": "NONE" }), "benchmark"),
    ] {
        let said = client.backtest(strategy, body.clone()).await.refused(400, "validation_failed");
        assert!(said.contains(fault), "{body}: {said}");
    }
    let rules = json!({ "dataset": "sp500", "backtest": {
        "strategy": { "type": "weights", "weighting": "equal" } } });
    let rules = client.strategy("equal", rules).await;
    let outside = json!({ "start_date": "2012-01-03", "end_date": end });
    let said = client.backtest(&rules, outside).await.refused(400, "validation_failed");
    assert!(said.contains("outside_data"), "{said}");
    client.train(&rules, json!({})).await.refused(400, "validation_failed");
}

#[tokio::test]
async fn rules_are_backtested_over_all_real_stocks() {
    let Some(shared) = shared_folder() else { return };
    let (_fleet, client) = Fleet::start(&[]).await;
    client.import("sp500", &shared.join("data/sp500_2013_2017.parquet")).await.ok();
    let templates = client.get("/api/v1/strategies/templates").await.ok();
    let momentum =
        templates["items"].as_array().unwrap().iter().find(|one| one["name"] == "momentum");
    let mut config = momentum.unwrap()["config"].clone();
    config["dataset"] = json!("sp500");
    let strategy = client.strategy("momentum", config).await;
    let body =
        json!({ "start_date": "2014-06-02", "end_date": "2017-12-06", "initial_capital": 1e6 });
    let session = client.backtest(&strategy, body).await.ok();
    let id = session["id"].as_str().unwrap();
    let done = client.until_ended(id).await;
    assert_eq!(done["state"], "completed", "{done}");
    let report = report(&client, id).await;
    assert!(report["trades"].to_string().len() > 100, "{}", report["trades"]);
    assert_eq!(
        report["curve"].as_array().unwrap().len(),
        report["bars"].as_u64().unwrap() as usize
    );
}

/// A strategy of rules that takes its time: every day it weighs a market of so many instruments.
async fn slow(client: &Client) -> String {
    let weighting = json!({ "mean_variance":
        { "window": 120, "shrinkage": 0.3, "risk_aversion": 10.0, "max_weight": 0.1 } });
    let config = json!({ "dataset": "market", "backtest": {
        "strategy": { "type": "weights", "weighting": weighting, "every": 1 } } });
    client.strategy("slow", config).await
}

/// The whole period of the synthetic market.
async fn whole(client: &Client) -> Value {
    let latest = client.get("/api/v1/datasets/market").await.ok()["latest"].clone();
    let day = |name: &str| latest[name].as_str().unwrap()[..10].to_owned();
    json!({ "start_date": day("start"), "end_date": day("end") })
}

async fn bars_done(client: &Client, session: &str, bars: u64) {
    eventually("enough bars", Duration::from_secs(60), async || {
        let status = client.status(session).await;
        assert!(["pending", "running"].contains(&status["state"].as_str().unwrap()), "{status}");
        (status["current_epoch"].as_u64()? >= bars).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_child_is_tried_again_and_completes_once() {
    let Some((cluster, client)) = Cluster::start(Layout::backtesting()).await else { return };
    client.import("market", &market(cluster.data_dir(), 100, 1_000)).await.ok();
    let strategy = slow(&client).await;
    let body = whole(&client).await;
    let undisturbed = client.backtest(&strategy, body.clone()).await.ok();
    let undisturbed = client.until_ended(undisturbed["id"].as_str().unwrap()).await;
    assert_eq!(undisturbed["state"], "completed", "{undisturbed}");

    let session = client.backtest(&strategy, body).await.ok();
    let id = session["id"].as_str().unwrap();
    bars_done(&client, id, 150).await;
    children_of(cluster.backtesters[0].pid()).into_iter().for_each(kill_9);
    let done = client.until_ended(id).await;
    assert_eq!((done["state"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(2)));
    assert_eq!(done["result"]["metrics"], undisturbed["result"]["metrics"]);
    let path = format!("/api/v1/strategies/sessions/{id}/metrics?metric_name=equity&limit=100000");
    let points = client.get(&path).await.ok()["items"].as_array().unwrap().clone();
    let steps: Vec<u64> = points.iter().map(|point| point["step"].as_u64().unwrap()).collect();
    assert_eq!(steps.len() as u64, done["result"]["period"]["bars"].as_u64().unwrap());
    let artifacts = client.get(&format!("/api/v1/strategies/sessions/{id}/artifacts")).await.ok();
    let names: Vec<&Value> =
        artifacts["items"].as_array().unwrap().iter().map(|file| &file["name"]).collect();
    assert_eq!(names.iter().filter(|name| ***name == "report.json").count(), 1, "{names:?}");
}

#[tokio::test]
async fn a_running_backtest_is_cancelled() {
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("market", &market(fleet.data_dir(), 150, 1_500)).await.ok();
    let strategy = slow(&client).await;
    let session = client.backtest(&strategy, whole(&client).await).await.ok();
    let id = session["id"].as_str().unwrap();
    bars_done(&client, id, 150).await;
    client.stop(id).await.ok();
    let ended = client.until_ended(id).await;
    assert_eq!(ended["state"], "cancelled", "{ended}");
    assert!(is_alive(fleet.pid()));
    let path = format!("/api/v1/strategies/sessions/{id}/report");
    client.get(&path).await.refused(404, "not_found");
    let view = client.get(&format!("/api/v1/strategies/{strategy}")).await.ok();
    assert_eq!((&view["best_return"], &view["active_sessions"]), (&Value::Null, &json!(0)));
}

/// A sweep of 400 crosses of averages over the synthetic market, with the choice among them in two
/// windows: four shares of combinations and some of windows.
async fn swept(client: &Client) -> Value {
    let cross = json!({ "type": "ma_cross", "fast": 5, "slow": 60, "sizing": { "weight": 0.05 },
                        "short": false });
    let config = json!({ "dataset": "market", "adjustment": "backward", "backtest": {
        "strategy": cross, "costs": { "open_rate": 0.001, "close_rate": 0.001 } } });
    let strategy = client.strategy("cross", config).await;
    let mut body = whole(client).await;
    let (fast, slow): (Vec<usize>, Vec<usize>) = ((2..22).collect(), (22..62).step_by(2).collect());
    body["axes"] = json!([{ "path": "strategy.fast", "values": fast },
                          { "path": "strategy.slow", "values": slow }]);
    body["walk_forward"] = json!({ "train": 500, "test": 250 });
    client.sweep(&strategy, body).await.ok()
}

/// The shares of a sweep, in their order.
async fn shares(client: &Client, session: &str) -> Vec<Value> {
    let path = format!("/api/v1/strategies/sessions/{session}/children?limit=100");
    client.get(&path).await.ok()["items"].as_array().unwrap().clone()
}

/// Checks that the report of a completed sweep says what the command line finds on the same bars.
async fn same_as_local(client: &Client, session: &str, bars: &Path) {
    let (done, found) = (client.session(session).await, report(client, session).await);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, document: &Value| {
        let file = folder.path().join(name);
        std::fs::write(&file, document.to_string()).unwrap();
        file
    };
    let plan = file("plan.json", &done["config"]["backtest"]["plan"]);
    let sweep = file("sweep.json", &done["config"]["sweep"]);
    let out = folder.path().join("out");
    let mut command = Command::new(binary());
    command.args(["backtest", "--json", "--adjustment", "backward", "--local"]).arg(plan);
    command.arg("--sweep").arg(sweep).arg("--data").arg(bars).arg("--out").arg(&out);
    let local = command.output().unwrap();
    assert!(local.status.success(), "{}", String::from_utf8_lossy(&local.stderr));
    let local: Value =
        serde_json::from_slice(&std::fs::read(out.join("report.json")).unwrap()).unwrap();
    for name in [
        "configurations",
        "ran",
        "bars",
        "plan",
        "best",
        "deflated_sharpe",
        "reality_check",
        "walk_forward",
    ] {
        assert!(!found[name].is_null(), "{name}");
        assert!(found[name] == local[name], "{name}: {} {}", found[name], local[name]);
    }
}

#[tokio::test]
async fn a_sweep_in_shares_finds_what_the_command_line_finds() {
    let (fleet, client) = Fleet::start(&[]).await;
    let bars = market(fleet.data_dir(), 20, 1_000);
    client.import("market", &bars).await.ok();
    let session = swept(&client).await;
    let id = session["id"].as_str().unwrap();
    let done = client.until_ended(id).await;
    assert_eq!(done["state"], "completed", "{done}");
    let shares = shares(&client, id).await;
    assert!(shares.len() >= 5, "{}", shares.len());
    for share in &shares {
        let seen = (&share["kind"], &share["state"], &share["parent_id"]);
        assert_eq!(seen, (&json!("backtest_sweep_share"), &json!("completed"), &json!(id)));
    }
    same_as_local(&client, id, &bars).await;
}

#[tokio::test]
async fn the_shares_of_a_killed_worker_are_run_by_another() {
    let layout = Layout { backtesters: 2, ..Layout::backtesting() };
    let layout = layout.with("WORKER__BACKTEST_SLOTS", "1");
    let Some((mut cluster, client)) = Cluster::start(layout).await else { return };
    let bars = market(cluster.data_dir(), 100, 1_000);
    client.import("market", &bars).await.ok();
    let session = swept(&client).await;
    let id = session["id"].as_str().unwrap();
    // One slot each: a worker that began a second share has done its first.
    eventually("work of both workers", Duration::from_secs(120), async || {
        let shares = shares(&client, id).await;
        assert!(shares.iter().any(|share| share["state"] != "completed"), "too late: {shares:?}");
        let begun = |worker: usize| {
            let ids = shares.iter().filter_map(|share| share["id"].as_str());
            ids.filter(|id| cluster.backtesters[worker].last_child_of(id).is_some()).count()
        };
        (begun(0) >= 2 && begun(1) >= 1).then_some(())
    })
    .await;
    cluster.backtesters[0].kill_9().await;
    let done = client.until_ended(id).await;
    assert_eq!(done["state"], "completed", "{done}");
    let shares = shares(&client, id).await;
    assert!(shares.iter().all(|share| share["state"] == "completed"), "{shares:?}");
    same_as_local(&client, id, &bars).await;
}
