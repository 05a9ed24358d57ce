//! Users' own features over the real binary: written, computed, read, followed, trained on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use alphafleet_market::{PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_tests::{Client, Fleet, eventually};
use reqwest::Method;
use serde_json::{Value, json};

const FEATURES: &str = "/api/v1/features";

fn market(folder: &Path, bars: usize) -> PathBuf {
    let market = SyntheticMarket { instruments: 20, bars, ..SyntheticMarket::default() };
    let file = folder.join(format!("market-{bars}.parquet"));
    alphafleet_datasets::write_panel(&file, &market.generate().unwrap()).unwrap();
    file
}

async fn completed(client: &Client, session: &Value) -> Value {
    let done = client.until_ended(session["id"].as_str().unwrap()).await;
    assert_eq!(done["state"], "completed", "{done}");
    done
}

async fn compute(client: &Client, features: Value) -> Value {
    let body = json!({ "dataset": "market", "features": features });
    let session = client.post("/api/features/calculate", body).await.ok();
    completed(client, &session).await
}

#[tokio::test]
async fn a_user_writes_computes_reads_and_trains_on_a_factor() {
    let (fleet, admin) = Fleet::start(&[]).await;
    let client = admin.new_user("quant", 3).await;
    client.import("market", &market(fleet.data_dir(), 300)).await.ok();

    let bad = json!({ "name": "momentum", "formula": "$close/Rfe($close, 5)" });
    let refused = client.post(FEATURES, bad).await;
    refused.refused(400, "validation_failed");
    assert_eq!(refused.body["faults"][0]["at"], 7);
    let formula = json!({ "formula": "$close/Ref($close, 5)" });
    let checked = client.post(&format!("{FEATURES}/validate"), formula).await.ok();
    assert_eq!((&checked["valid"], &checked["look_back"]), (&json!(true), &json!(5)));
    let body = json!({ "name": "momentum", "formula": "$close/Ref($close, 5)" });
    let made = client.post(FEATURES, body).await.ok();

    let instrument = "SYN00001";
    let values = format!("/api/features/{instrument}?dataset=market&names=momentum&limit=1000");
    client.get(&values).await.refused(409, "features_not_computed");
    let own = json!({ "expressions": ["feature:momentum"] });
    let done = compute(&client, own.clone()).await;
    assert_eq!((&done["result"]["computed"], &done["result"]["cached"]), (&json!(1), &json!(0)));
    let session = done["id"].as_str().unwrap();
    let file = format!("/api/v1/strategies/sessions/{session}/artifacts/features.parquet");
    assert!(client.bytes(&file).await.starts_with(b"PAR1"));
    let found = client.get(&values).await.ok();
    let items = found["items"].as_array().unwrap();
    let computed = items.iter().filter(|item| item["values"][0].is_number()).count();
    assert!(items.len() > 200 && computed + 5 >= items.len(), "{computed} of {}", items.len());
    let again = compute(&client, own).await;
    assert_eq!((&again["result"]["computed"], &again["result"]["cached"]), (&json!(0), &json!(1)));
    // The same formula under another name is the same column.
    let twin = json!({ "expressions": [{ "name": "x", "expression": "$close/Ref($close,5)" }] });
    assert_eq!(compute(&client, twin).await["result"]["cached"], 1);
    admin.get(&values).await.refused(400, "validation_failed");
    evaluated(&client, &admin).await;

    let config = json!({
        "model": { "type": "linear" },
        "features": { "set": "alpha158", "expressions": ["feature:momentum"] },
    });
    let strategy = client.strategy("own factor", config).await;
    let session = client.train(&strategy, json!({ "dataset_name": "market" })).await.ok();
    let trained = completed(&client, &session).await;
    let recorded = &trained["config"]["features"]["expressions"][0];
    assert_eq!(recorded["feature"], json!({ "id": made["id"], "version": 1 }));
    assert_eq!(recorded["expression"], "$close/Ref($close, 5)");
}

/// How well the factor `momentum` foretells, as a report that its owner alone can read.
async fn evaluated(client: &Client, admin: &Client) {
    let body = json!({
        "dataset": "market",
        "features": { "set": "alpha158", "expressions": ["feature:momentum"] },
        "horizons": [1, 5], "quantiles": 4,
    });
    let path = "/api/v1/features/evaluate";
    let session = client.post_keyed(path, body.clone(), "evaluation").await.ok();
    let done = completed(client, &session).await;
    assert_eq!(client.post_keyed(path, body, "evaluation").await.ok()["id"], session["id"]);
    assert_eq!(
        (&done["kind"], &done["result"]["factors"]),
        (&json!("factor_evaluation"), &json!(159))
    );
    let best = &done["result"]["best"];
    assert_eq!(best.as_array().unwrap().len(), 10);
    let session = format!("/api/v1/strategies/sessions/{}", done["id"].as_str().unwrap());
    let report = client.get(&format!("{session}/report")).await.ok();
    assert_eq!(report["options"]["horizons"], json!([1, 5]));
    let factors = report["factors"].as_array().unwrap();
    let own = factors.iter().find(|factor| factor["name"] == "momentum").unwrap();
    assert_eq!(own["expression"], "$close / Ref($close, 5)");
    assert_eq!(own["horizons"][0]["quantiles"]["mean"].as_array().unwrap().len(), 4);
    let icir = |factor: &Value| factor["horizons"][0]["rank_ic"]["icir"].as_f64().unwrap().abs();
    let highest = factors.iter().map(icir).fold(0.0, f64::max);
    assert_eq!(best[0]["rank_icir"].as_f64().unwrap().abs(), highest);
    let page = client.bytes(&format!("{session}/report?format=html")).await;
    assert!(String::from_utf8(page).unwrap().contains("momentum"));
    let series = client.bytes(&format!("{session}/artifacts/ic.parquet")).await;
    assert!(series.starts_with(b"PAR1"));
    let metrics =
        client.get(&format!("{session}/metrics?metric_name=rank_ic&limit=1000")).await.ok();
    let told = metrics["items"].as_array().unwrap().last().unwrap()["value"].clone();
    assert_eq!(told, own["horizons"][0]["rank_ic"]["mean"]);
    admin.get(&format!("{session}/report")).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_broken_file_of_the_cache_is_computed_again() {
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("market", &market(fleet.data_dir(), 300)).await.ok();
    let own = json!({ "expressions": [{ "name": "a", "expression": "$close/$open" }] });
    compute(&client, own.clone()).await;
    let files = stored_columns(fleet.data_dir());
    let [file] = &files[..] else { panic!("one column, not {files:?}") };
    let whole = std::fs::read(file).unwrap();
    std::fs::write(file, &whole[..whole.len() / 2]).unwrap();
    let repaired = compute(&client, own).await;
    assert_eq!(repaired["result"]["computed"], 1);
    assert_eq!(std::fs::read(file).unwrap(), whole);
}

/// The Parquet files of the cache; states lie beside them.
fn stored_columns(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(stored_columns(&path));
        } else if path.parent().unwrap().ends_with("features")
            && path.extension().is_some_and(|extension| extension == "parquet")
        {
            found.push(path);
        }
    }
    found
}

#[tokio::test]
async fn data_that_come_start_the_features_that_follow() {
    let (fleet, client) = Fleet::start(&[]).await;
    for (name, follows) in [("a", true), ("b", true), ("asleep", false)] {
        let body = json!({
            "name": name, "formula": "Mean($close, 5)/$close",
            "dataset_name": "market", "auto_compute": follows,
        });
        client.post(FEATURES, body).await.ok();
    }
    for bars in [300, 320] {
        let data = client.import("market", &market(fleet.data_dir(), bars)).await.ok();
        let version = &data["latest"]["id"];
        let started = eventually("a computation", Duration::from_secs(60), async || {
            let sessions = client.get("/api/v1/strategies/sessions").await.ok();
            let newest = sessions["items"][0].clone();
            (newest["dataset_version_id"] == *version).then_some(newest)
        })
        .await;
        let done = completed(&client, &started).await;
        assert_eq!(done["kind"], "feature_computation");
        assert_eq!(done["result"]["features"], json!(["a", "b"]));
        let values = "/api/features/SYN00001?dataset=market&names=a,b";
        let found = client.get(values).await.ok();
        assert_eq!(found["dataset_version_id"], *version);
    }
    let audit = client.get("/api/v1/audit").await.ok();
    let syncs = audit["items"].as_array().unwrap().iter();
    assert_eq!(syncs.filter(|one| one["action"] == "data_sync_completed").count(), 2);
}

#[tokio::test]
async fn two_that_want_the_same_columns_compute_them_once() {
    let (fleet, client) = Fleet::start(&[("WORKER__TRAINING_SLOTS", "2")]).await;
    client.import("market", &market(fleet.data_dir(), 300)).await.ok();
    let body = json!({ "dataset": "market", "features": { "set": "alpha158" } });
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(client.post("/api/features/calculate", body.clone()).await.ok());
    }
    let mut computed = 0;
    for session in &sessions {
        let done = completed(&client, session).await;
        computed += done["result"]["computed"].as_u64().unwrap();
        assert_eq!(done["result"]["features"].as_array().unwrap().len(), 158);
    }
    assert_eq!(computed, 158);
    let set = client.get("/api/features/SYN00001?dataset=market&set=alpha158").await.ok();
    assert_eq!((set["columns"].as_array().unwrap().len(), &set["left_out"]), (158, &json!([])));
    let none = client.send(Method::GET, "/api/features/NONE?dataset=market&set=alpha158", None);
    none.await.refused(404, "not_found");
}

/// The first bars of a market; `edit(field, instrument, bar, value)` has the last word.
fn part(folder: &Path, bars: usize, edit: impl Fn(&str, usize, usize, f64) -> f64) -> PathBuf {
    let market = SyntheticMarket { instruments: 20, bars: 320, ..SyntheticMarket::default() };
    let whole = market.generate().unwrap();
    let fields: Vec<&str> = whole.field_names().collect();
    let mut builder = PanelBuilder::new(fields.clone());
    for (at, instrument) in whole.instruments().iter().enumerate() {
        for bar in whole.listed(at).filter(|&bar| bar < bars && whole.has_bar(at, bar)) {
            let value = |field: &&str| edit(field, at, bar, whole.series(field, at).unwrap()[bar]);
            let values: Vec<f64> = fields.iter().map(value).collect();
            let time = whole.calendar()[bar];
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
    }
    let file = folder.join(format!("part-{bars}.parquet"));
    alphafleet_datasets::write_panel(&file, &builder.build().unwrap()).unwrap();
    file
}

async fn features_file(client: &Client, session: &Value) -> Vec<u8> {
    let session = session["id"].as_str().unwrap();
    let file = format!("/api/v1/strategies/sessions/{session}/artifacts/features.parquet");
    client.bytes(&file).await
}

#[tokio::test]
async fn appended_bars_extend_what_is_stored_and_a_changed_factor_does_not() {
    let (fleet, admin) = Fleet::start(&[]).await;
    let client = admin.new_user("quant", 3).await;
    let body = json!({
        "name": "smooth", "formula": "EMA($close, 20)/$close",
        "dataset_name": "market", "auto_compute": true,
    });
    client.post(FEATURES, body).await.ok();
    let features = json!({ "set": "alpha158", "expressions": ["feature:smooth"] });
    let fresh = admin.new_user("other", 3).await;

    let mut counts = Vec::new();
    for (bars, late_factor) in [(300, false), (301, false), (310, true)] {
        let edit = move |field: &str, instrument: usize, bar: usize, value: f64| {
            let it = late_factor && field == "factor" && instrument == 3 && bar < 200;
            if it { value * 0.9 } else { value }
        };
        let file = part(fleet.data_dir(), bars, edit);
        let data = client.import("market", &file).await.ok();
        let version = &data["latest"]["id"];
        let started = eventually("a computation", Duration::from_secs(60), async || {
            let sessions = client.get("/api/v1/strategies/sessions").await.ok();
            let items = sessions["items"].as_array().unwrap().clone();
            items.into_iter().find(|one| one["dataset_version_id"] == *version)
        })
        .await;
        let followed = completed(&client, &started).await;
        let done = compute(&client, features.clone()).await;
        // The same bars under a name of their own have nothing to go on from.
        let name = format!("market-{bars}");
        fresh.import(&name, &file).await.ok();
        let expressions = json!([{ "name": "smooth", "expression": "EMA($close, 20)/$close" }]);
        let body = json!({
            "dataset": name,
            "features": { "set": "alpha158", "expressions": expressions },
        });
        let session = fresh.post("/api/features/calculate", body).await.ok();
        let full = completed(&fresh, &session).await;
        assert_eq!(full["result"]["computed"], 159, "{}", full["result"]);
        assert!(
            features_file(&client, &done).await == features_file(&fresh, &full).await,
            "{bars} bars: the values differ from those of a full computation"
        );
        counts.push((followed["result"].clone(), done["result"].clone()));
    }
    let number = |result: &Value, what: &str| result[what].as_u64().unwrap();
    let (followed, done) = &counts[0];
    assert_eq!((number(followed, "computed"), number(followed, "extended")), (1, 0));
    assert_eq!((number(done, "computed"), number(done, "cached")), (158, 1));
    let (followed, done) = &counts[1];
    assert_eq!((number(followed, "computed"), number(followed, "extended")), (0, 1), "{followed}");
    assert_eq!(number(done, "cached"), 1);
    assert_eq!(number(done, "extended"), 158, "{done}");
    let (followed, done) = &counts[2];
    assert_eq!((number(followed, "computed"), number(followed, "extended")), (1, 0), "{followed}");
    assert_eq!(number(done, "extended"), 0, "{done}");
    let why = done["findings"].to_string();
    assert!(why.contains("computed_afresh") && why.contains("another factor"), "{done}");
}
