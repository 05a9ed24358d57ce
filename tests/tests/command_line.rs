//! What a person types: the demo, a local training, the client verbs and their exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use alphafleet_tests::{Fleet, binary, shared_folder};
use serde_json::{Value, json};

fn alphafleet(home: &Path, args: &[&str]) -> Output {
    Command::new(binary())
        .args(args)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .output()
        .unwrap()
}

fn done(home: &Path, args: &[&str]) -> String {
    let output = alphafleet(home, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn demo(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (out, data) = (folder.path().join("out"), folder.path().join("data"));
    let mut all =
        vec!["demo", "--out", out.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    all.extend(args);
    let printed = done(folder.path(), &all);
    assert!(printed.contains("report.html") && printed.contains("live page"), "{printed}");
    for file in ["report.html", "report.json", "predictions.parquet", "events.ndjson"] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }
    let events = std::fs::read_to_string(out.join("events.ndjson")).unwrap();
    for line in events.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap()
}

#[test]
fn the_demo_leaves_its_summary() {
    let summary = demo(&["--instruments", "20", "--days", "300", "--features"]);
    let expected = ["dataset", "session", "model", "metrics", "events", "backend"];
    assert_eq!(keys(&summary), expected.into());
    assert_eq!(summary["session"]["state"], "completed");
    assert_eq!(summary["events"]["gaps"], 0);
    assert!(summary["events"]["received"].as_u64().unwrap() > 5);
    assert_eq!(keys(&summary["backend"]), ["broker", "database", "events", "storage"].into());
    for metric in ["ic", "icir", "rank_ic", "rank_icir", "mse"] {
        assert!(summary["metrics"][metric].is_number(), "{metric}: {summary}");
    }
    assert_eq!(summary["model"]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn the_demo_copes_with_real_data() {
    let Some(shared) = shared_folder() else { return };
    let config = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    let text = "[model]\ntype = 'lightgbm'\nrounds = 5\nnum_leaves = 15\n";
    std::fs::write(config.path(), text).unwrap();
    let data = shared.join("data/sp500_2013_2017.parquet");
    let (data, config) = (data.to_str().unwrap(), config.path().to_str().unwrap());
    let summary = demo(&["--data", data, "--config", config]);
    assert_eq!(summary["session"]["state"], "completed");
    assert_eq!(summary["dataset"]["instruments"], 392);
}

#[test]
fn a_local_training_needs_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let market = alphafleet_market::SyntheticMarket {
        instruments: 15,
        bars: 260,
        ..alphafleet_market::SyntheticMarket::default()
    };
    let data = folder.path().join("bars.parquet");
    alphafleet_datasets::write_panel(&data, &market.generate().unwrap()).unwrap();
    let config = folder.path().join("config.toml");
    let text = "[dataset]\nname = 'bars'\n[model]\ntype = 'linear'\n";
    std::fs::write(&config, text).unwrap();
    let out = folder.path().join("out");
    let paths = [&config, &data, &out].map(|path| path.to_str().unwrap());
    let args = ["train", "--local", paths[0], "--data", paths[1], "--out", paths[2], "--json"];
    let result: Value = serde_json::from_str(&done(folder.path(), &args)).unwrap();
    assert!(result["metrics"]["ic"].is_number(), "{result}");
    assert!(out.join("report.html").is_file());

    std::fs::write(&config, "[dataset]\nname = 'bars'\n[model]\ntype = 'oracle'\n").unwrap();
    let refused = alphafleet(folder.path(), &args);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("model.type") && said.contains("lightgbm"), "{said}");
}

#[test]
fn mistakes_exit_with_2_and_a_remedy() {
    let home = tempfile::tempdir().unwrap();
    for (args, remedy) in [
        (&["train", "--local", "/nowhere.toml", "--data", "x", "--out", "y"][..], "nowhere.toml"),
        (&["config", "check", "--config", "/nowhere.toml"][..], "nowhere.toml"),
        (&["user", "me", "--url", "http://127.0.0.1:9", "--token", ""][..], "standalone"),
        (&["session", "watch", "not-an-id"][..], "UUID"),
    ] {
        let output = alphafleet(home.path(), args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(said.contains(remedy), "{args:?}: {said}");
    }
    assert!(done(home.path(), &["config", "dump"]).contains("[worker]"));
}

#[tokio::test]
async fn a_session_that_is_not_yours_cannot_be_watched() {
    let (fleet, client) = Fleet::start(&[]).await;
    let nobodys = "01980000-0000-7000-8000-000000000000";
    let url = fleet.url.clone();
    let args = ["session", "watch", nobodys, "--url", &url, "--token", &client.token];
    let refused = alphafleet(fleet.data_dir(), &args);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not_found"));
}

#[tokio::test]
async fn a_file_an_instrument_becomes_one_dataset() {
    let Some(shared) = shared_folder() else { return };
    let (fleet, client) = Fleet::start(&[]).await;
    let files = ["yahoo_AAPL.csv", "yahoo_MSFT.csv"].map(|name| shared.join("data").join(name));
    let [apple, microsoft] = files.map(|file| file.to_str().unwrap().to_owned());
    let login = ["--url", &fleet.url, "--token", &client.token];
    let import = ["data", "import", &apple, &microsoft, "--name", "two"];
    done(fleet.data_dir(), &[&import[..], &login[..]].concat());
    let listed = done(fleet.data_dir(), &[&["data", "list", "--json"][..], &login[..]].concat());
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["latest"]["instruments"], 2);
}

#[tokio::test]
async fn features_are_written_computed_and_evaluated_on_a_server() {
    let (fleet, client) = Fleet::start(&[]).await;
    let market = alphafleet_market::SyntheticMarket {
        instruments: 15,
        bars: 260,
        ..alphafleet_market::SyntheticMarket::default()
    };
    let data = fleet.data_dir().join("bars.parquet");
    alphafleet_datasets::write_panel(&data, &market.generate().unwrap()).unwrap();
    client.import("us", &data).await.ok();
    let login = ["--url", &fleet.url, "--token", &client.token];
    let run = |args: &[&str]| alphafleet(fleet.data_dir(), &[args, &login[..]].concat());
    let said = |args: &[&str]| done(fleet.data_dir(), &[args, &login[..]].concat());
    said(&["features", "create", "reversal", "Ref($close, 5)/$close"]);
    let listed: Value = serde_json::from_str(&said(&["features", "list", "--json"])).unwrap();
    assert_eq!((&listed[0]["name"], listed.as_array().unwrap().len()), (&"reversal".into(), 1));
    assert!(said(&["features", "show", "reversal"]).contains("Ref($close, 5)/$close"));

    let own = ["--dataset", "us", "--feature", "reversal", "--watch"];
    let computed = said(&[&["features", "calculate"][..], &own].concat());
    assert!(computed.contains("1 features on") && computed.contains("1 computed"), "{computed}");
    let evaluate =
        [&["features", "evaluate", "--horizon", "5", "--quantiles", "3"][..], &own].concat();
    let evaluated = said(&evaluate);
    assert!(evaluated.contains("over 5 bars") && evaluated.contains("reversal"), "{evaluated}");
    let sessions: Value = serde_json::from_str(&said(&["session", "list", "--json"])).unwrap();
    assert_eq!(sessions[0]["kind"], "factor_evaluation");
    let out = fleet.data_dir().join("report");
    let session = sessions[0]["id"].as_str().unwrap();
    said(&["session", "report", session, "--out", out.to_str().unwrap()]);
    for file in ["effectiveness.html", "effectiveness.json", "ic.parquet"] {
        assert!(out.join(file).metadata().unwrap().len() > 0, "{file}");
    }

    // 2 for what the caller can mend, whether it shows at once or in the job.
    for (args, names) in [
        (&["features", "create", "bad", "Maen($close, 5)"][..], "formula"),
        (&["features", "show", "none"][..], "reversal"),
        (&["features", "evaluate", "--dataset", "none", "--feature", "reversal"][..], "dataset"),
        (&["features", "evaluate", "--dataset", "us", "--feature", "none"][..], "none"),
        (
            &[
                "features",
                "evaluate",
                "--dataset",
                "us",
                "--feature",
                "reversal",
                "--horizon",
                "900",
                "--watch",
            ][..],
            "horizons[0]",
        ),
    ] {
        let refused = run(args);
        assert_eq!(refused.status.code(), Some(2), "{args:?}");
        let text = [refused.stdout, refused.stderr].concat();
        assert!(String::from_utf8_lossy(&text).contains(names), "{args:?}");
    }
    said(&["features", "delete", "reversal"]);
    assert!(said(&["features", "list"]).contains("no features yet"));
}

#[tokio::test]
async fn a_strategy_of_rules_is_backtested_on_the_fleet() {
    let Some(shared) = shared_folder() else { return };
    let (fleet, client) = Fleet::start(&[]).await;
    client.import("apple", &shared.join("data/yahoo_AAPL.csv")).await.ok();
    let latest = client.get("/api/v1/datasets/apple").await.ok()["latest"].clone();
    let [from, to] = ["start", "end"].map(|name| latest[name].as_str().unwrap()[..10].to_owned());
    let login = ["--url", &fleet.url, "--token", &client.token];
    let create = ["strategy", "create", "averages", "--template", "ma_cross"];
    done(fleet.data_dir(), &[&create[..], &login[..]].concat());
    let run = ["backtest", "averages", "--from", &from, "--to", &to, "--set", "dataset=apple"];
    let more = ["--capital", "50000", "--set", "costs.open_rate=0.002", "--watch"];
    let printed = done(fleet.data_dir(), &[&run[..], &more[..], &login[..]].concat());
    assert!(printed.contains("completed") && printed.contains("total_return"), "{printed}");
    let sessions = client.get("/api/v1/strategies/sessions").await.ok();
    let plan = &sessions["items"][0]["config"]["plan"];
    assert_eq!((&plan["capital"], &plan["costs"]["open_rate"]), (&json!(5e4), &json!(0.002)));
    let nothing = ["--capital", "0"];
    let refused = alphafleet(fleet.data_dir(), &[&run[..], &nothing[..], &login[..]].concat());
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("initial_capital"));
}

#[test]
fn factors_are_computed_and_checked_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("bars.csv");
    let rows = (1..=9).map(|day| format!("A,2024-01-0{day},10,11,9,1{day},100\n"));
    let header = "symbol,date,open,high,low,close,volume\n".to_owned();
    std::fs::write(&data, header + &rows.collect::<String>()).unwrap();
    let out = folder.path().join("factors.parquet");
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(alphafleet_tests::binary())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (data, target) = (data.to_str().unwrap(), out.to_str().unwrap());
    let (code, _, errors) = run(&[
        "factors",
        "compute",
        "--data",
        data,
        "--set",
        "indicators",
        "--out",
        target,
        "--expr",
        "ma3=Mean($close, 3)",
        "--expr",
        "rank=CSRank($close)",
    ]);
    assert_eq!(code, Some(0), "{errors}");
    let table = alphafleet_datasets::read_table("out", std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(table.columns.len(), 26 + 2);
    assert_eq!(table.column("ma3").unwrap().to_f64()[..4], [11.0, 11.5, 12.0, 13.0]);
    assert_eq!(table.column("rank").unwrap().to_f64()[0], 1.0);

    let (code, said, _) = run(&["factors", "check", "Mean($close,5)/$close"]);
    assert_eq!((code, said.lines().next()), (Some(0), Some("Mean($close, 5) / $close")));
    let (code, _, errors) = run(&["factors", "check", "Mean($close, *)"]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("at character 13") && errors.contains("             ^"), "{errors}");
    let ahead = ["factors", "compute", "--data", data, "--out", target, "--expr"];
    for (wrong, names) in [
        ("y=Ref($close, -1)", "looks 1 bars ahead"),
        ("y=$nothing", "$nothing"),
        ("Mean($close, 2)", "NAME=EXPR"),
        ("y=RSI($close, 0)", "window"),
    ] {
        let (code, _, errors) = run(&[&ahead[..], &[wrong]].concat());
        assert_eq!(code, Some(2), "{wrong}: {errors}");
        assert!(errors.contains(names), "{wrong}: {errors}");
    }
}

#[test]
fn factors_read_announcements_beside_the_bars() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (data, told, out) = (at("bars.csv"), at("told.csv"), at("factors.parquet"));
    let rows = (1..=9).map(|day| format!("A,2024-01-0{day},10,11,9,10,100\n"));
    let header = "symbol,date,open,high,low,close,volume\n".to_owned();
    std::fs::write(&data, header + &rows.collect::<String>()).unwrap();
    let header = "instrument,announced,period,field,value\n";
    let rows =
        "A,2023-10-30,202303,roe_q,1\nA,2024-01-04,202304,roe_q,3\nA,2024-01-06,202303,roe_q,2";
    std::fs::write(&told, format!("{header}{rows}\n")).unwrap();
    let factors = |action: &[&str]| alphafleet(folder.path(), &[&["factors"][..], action].concat());
    let compute =
        |more: &[&str]| factors(&[&["compute", "--data", &data, "--out", &out][..], more].concat());
    let expr = ["--expr", "now=P($$roe_q)", "--expr", "mean=P(Mean($$roe_q, 2))/$close"];
    let computed = compute(&[&expr[..], &["--announcements", &told]].concat());
    assert!(computed.status.success(), "{}", String::from_utf8_lossy(&computed.stderr));
    let table = alphafleet_datasets::read_table("out", std::fs::read(&out).unwrap()).unwrap();
    let column = |name: &str| table.column(name).unwrap().to_f64();
    assert_eq!(column("now"), [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
    let mean = [0.1, 0.1, 0.1, 0.2, 0.2, 0.25, 0.25, 0.25, 0.25];
    assert!(column("mean").iter().zip(mean).all(|(ours, mean)| (ours - mean).abs() < 1e-7));

    let check =
        done(folder.path(), &["factors", "check", "P($$roe_q)/$close", "--announcements", &told]);
    assert!(check.contains("reads $close, $$roe_q"), "{check}");
    let strangers = at("strangers.csv");
    std::fs::write(&strangers, format!("{header}B,2023-10-30,202303,roe_q,1\n")).unwrap();
    let bare = at("bare.csv");
    std::fs::write(&bare, "instrument,announced,period,field\nA,2023-10-30,202303,roe_q\n")
        .unwrap();
    for (output, says) in [
        (compute(&expr), "--announcements FILE"),
        (compute(&[&expr[..], &["--announcements", &strangers]].concat()), "has B"),
        (compute(&[&expr[..], &["--announcements", &bare]].concat()), "column value is missing"),
        (compute(&["--expr", "x=P($$x_q)", "--announcements", &told]), "missing field $$x_q"),
        (factors(&["check", "$$roe_q + 1"]), "P($$roe_q)"),
        (factors(&["check", "P($$x_q)", "--announcements", &told]), "missing field $$x_q"),
    ] {
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{says}: {errors}");
        assert!(errors.contains(says), "{errors}");
    }
}
