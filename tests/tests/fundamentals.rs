//! Fundamentals beside the bars of stored versions, over the real binary: brought, read, carried on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use alphafleet_datasets::{OwnedTable, read_table, write_import};
use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_tests::{Client, Fleet, binary};
use chrono::{Datelike, NaiveDate, TimeDelta};
use serde_json::{Value, json};

const HEADER: &str = "instrument,announced,period,field,value\n";
const FORMULAS: [(&str, &str); 5] = [
    ("roe", "P($$roe_q)"),
    ("growth", "P($$roe_q/Ref($$roe_q, 2)-1)"),
    ("yield", "P($$eps_a)/$close"),
    ("smooth", "Mean(P($$roe_q), 5)"),
    ("rank", "CSRank(PRef($$roe_q, 201504))"),
];

fn whole() -> Panel {
    let market = SyntheticMarket { instruments: 12, bars: 330, ..SyntheticMarket::default() };
    market.generate().unwrap()
}

/// The first bars of the market, as a file that says that its prices are raw.
fn bars(folder: &Path, count: usize) -> PathBuf {
    let whole = whole();
    let fields: Vec<&str> = whole.field_names().collect();
    let mut builder = PanelBuilder::new(fields.clone());
    for (at, instrument) in whole.instruments().iter().enumerate() {
        for bar in whole.listed(at).filter(|&bar| bar < count && whole.has_bar(at, bar)) {
            let values: Vec<f64> =
                fields.iter().map(|field| whole.series(field, at).unwrap()[bar]).collect();
            let time = whole.calendar()[bar];
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
    }
    let panel = builder.build().unwrap();
    let rows = panel.rows() as u64;
    let import =
        alphafleet_datasets::Import { rows, panel, findings: Vec::new(), sources: Vec::new() };
    let file = folder.join(format!("bars-{count}.parquet"));
    write_import(&file, &import).unwrap();
    file
}

/// Quarters and years of every instrument but the last, each announced some weeks after its end,
/// every third quarter restated later. `factor` is what the years' values are multiplied with.
fn announcements(folder: &Path, name: &str, factor: f64) -> PathBuf {
    let whole = whole();
    let (first, last) = (whole.calendar()[0].date(), whole.calendar()[329].date());
    let mut rows = HEADER.to_owned();
    let instruments = whole.instruments();
    for (at, instrument) in instruments[..instruments.len() - 1].iter().enumerate() {
        for year in first.year() - 2..=last.year() {
            for quarter in 1..=4 {
                let end = NaiveDate::from_ymd_opt(year, quarter * 3, 28).unwrap();
                let day = end + TimeDelta::days(20 + at as i64 * 3);
                let period = year * 100 + quarter as i32;
                let value = f64::from(period % 7) * 0.01 + at as f64 * 0.003 + 0.02;
                writeln!(rows, "{instrument},{day},{period},roe_q,{value}").unwrap();
                if quarter == 3 {
                    let later = day + TimeDelta::days(40);
                    writeln!(rows, "{instrument},{later},{period},roe_q,{}", value * 1.1).unwrap();
                }
            }
            let day = NaiveDate::from_ymd_opt(year + 1, 3, 1 + at as u32).unwrap();
            let value = factor * (1.0 + at as f64 + f64::from(year % 5));
            writeln!(rows, "{instrument},{day},{year},eps_a,{value}").unwrap();
        }
    }
    let file = folder.join(name);
    std::fs::write(&file, rows).unwrap();
    file
}

fn expressions(names: &[&str]) -> Value {
    let chosen = FORMULAS.iter().filter(|(name, _)| names.contains(name));
    let own = chosen.map(|(name, formula)| json!({ "name": name, "expression": formula }));
    json!({ "expressions": own.collect::<Vec<Value>>() })
}

async fn completed(client: &Client, session: &Value) -> Value {
    let done = client.until_ended(session["id"].as_str().unwrap()).await;
    assert_eq!(done["state"], "completed", "{done}");
    done
}

async fn compute(client: &Client, dataset: &str, features: Value) -> Value {
    let body = json!({ "dataset": dataset, "features": features, "adjustment": "none" });
    let session = client.post("/api/features/calculate", body).await.ok();
    completed(client, &session).await
}

async fn table(client: &Client, session: &Value) -> OwnedTable {
    let id = session["id"].as_str().unwrap();
    let file = format!("/api/v1/strategies/sessions/{id}/artifacts/features.parquet");
    read_table("features", client.bytes(&file).await).unwrap()
}

/// The bits of a column's values on the bars that have one.
fn values(table: &OwnedTable, name: &str) -> BTreeMap<(String, String), u64> {
    let column = table.column(name).unwrap().to_f64();
    let known = keys(table).zip(column).filter(|(_, value)| !value.is_nan());
    known.map(|(key, value)| (key, value.to_bits())).collect()
}

/// Instrument and time of each row.
fn keys(table: &OwnedTable) -> impl Iterator<Item = (String, String)> {
    let keys = table.instruments.iter().zip(&table.times);
    keys.map(|(instrument, time)| (instrument.clone(), time.to_string()))
}

fn command_line(folder: &Path, args: &[&str]) {
    let output = Command::new(binary()).args(args).env("HOME", folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn stored_fundamentals_are_those_of_the_command_line() {
    let (fleet, admin) = Fleet::start(&[]).await;
    let client = admin.new_user("quant", 3).await;
    let folder = fleet.data_dir();
    let (bars, told) = (bars(folder, 300), announcements(folder, "told.csv", 1.0));
    client.announce("market", &told).await.refused(404, "not_found");
    let before = client.import("market", &bars).await.ok();
    let features = expressions(&["roe", "growth", "yield", "smooth", "rank"]);
    let body = json!({ "dataset": "market", "features": features });
    let refused = client.post("/api/features/calculate", body).await;
    let why = refused.refused(400, "validation_failed");
    assert!(why.contains("$$roe_q") && why.contains("no announcements"), "{why}");

    let dataset = client.announce("market", &told).await.ok();
    let latest = &dataset["latest"];
    assert_eq!(latest["parent"], before["latest"]["id"]);
    assert_eq!(latest["rows"], before["latest"]["rows"]);
    assert_ne!(latest["sha256"], before["latest"]["sha256"]);
    let announced = &latest["announcements"];
    assert_eq!(announced["fields"], json!(["eps_a", "roe_q"]));
    assert_eq!(announced["instruments"], 11);
    let rows = std::fs::read_to_string(&told).unwrap().lines().count() as u64 - 1;
    assert_eq!(announced["rows"], rows);
    let body = json!({ "name": "value", "formula": "P($$eps_a)/$close", "dataset_name": "market" });
    client.post("/api/v1/features", body).await.ok();

    let done = compute(&client, "market", features.clone()).await;
    assert!(done["result"]["findings"].to_string().contains("not_announced"), "{done}");
    let ours = table(&client, &done).await;
    let out = folder.join("local.parquet");
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let own = FORMULAS
        .iter()
        .flat_map(|(name, formula)| ["--expr".to_owned(), format!("{name}={formula}")]);
    let own: Vec<String> = own.collect();
    let inputs = ["--data", &path(&bars), "--announcements", &path(&told)].map(str::to_owned);
    let given: Vec<&str> = inputs.iter().chain(&own).map(String::as_str).collect();
    command_line(folder, &[&["factors", "compute", "--out", &path(&out)][..], &given].concat());
    let theirs = read_table("local", std::fs::read(&out).unwrap()).unwrap();
    // The command line has rows for suspended days too.
    let bars: BTreeSet<_> = keys(&ours).collect();
    for (name, _) in FORMULAS {
        let known = values(&ours, name);
        assert!(known.len() > 1_000, "{name}: {}", known.len());
        let mut expected = values(&theirs, name);
        expected.retain(|key, _| bars.contains(key));
        assert!(known == expected, "{name} differs from the command line's");
    }
    judged(&client, (folder, &given), &features).await;
    trained_and_traded(&client, &features).await;
}

/// An evaluation's figures are those of the command line.
async fn judged(client: &Client, (folder, given): (&Path, &[&str]), features: &Value) {
    let body = json!({
        "dataset": "market", "features": features, "adjustment": "none",
        "horizons": [5], "quantiles": 3,
    });
    let session = client.post("/api/v1/features/evaluate", body).await.ok();
    let done = completed(client, &session).await;
    let report = format!("/api/v1/strategies/sessions/{}/report", done["id"].as_str().unwrap());
    let report = client.get(&report).await.ok();
    let out = folder.join("judged");
    let options = ["factors", "evaluate", "--adjustment", "none", "--horizons", "5"];
    let more = ["--quantiles", "3", "--out", out.to_str().unwrap()];
    command_line(folder, &[&options[..], &more, given].concat());
    let theirs = std::fs::read(out.join("effectiveness.json")).unwrap();
    let theirs: Value = serde_json::from_slice(&theirs).unwrap();
    let ics = |report: &Value| -> Vec<Value> {
        let factors = report["factors"].as_array().unwrap();
        factors.iter().map(|factor| factor["horizons"][0]["rank_ic"].clone()).collect()
    };
    assert_eq!(ics(&report).len(), FORMULAS.len());
    assert!(ics(&report)[0]["mean"].is_number(), "{}", ics(&report)[0]);
    assert_eq!(ics(&report), ics(&theirs));
}

/// A model learns from fundamentals, and rules go by them.
async fn trained_and_traded(client: &Client, features: &Value) {
    let config = json!({
        "dataset": "market", "features": features,
        "model": { "type": "lightgbm", "rounds": 10, "num_leaves": 7 },
    });
    let strategy = client.strategy("fundamental", config).await;
    let session = client.train(&strategy, json!({})).await.ok();
    completed(client, &session).await;

    let rules = json!({
        "type": "rules", "entry": "P($$roe_q) > 0.05", "exit": "P($$roe_q) < 0.04",
        "sizing": { "weight": 0.1 },
    });
    let config = json!({ "dataset": "market", "backtest": { "strategy": rules } });
    let strategy = client.strategy("rules", config).await;
    let panel = whole();
    let day = |bar: usize| panel.calendar()[bar].date();
    let period = json!({
        "start_date": day(100), "end_date": day(290), "parameters": { "dataset": "market" },
    });
    let session = client.backtest(&strategy, period.clone()).await.ok();
    let done = completed(client, &session).await;
    let report = format!("/api/v1/strategies/sessions/{}/report", done["id"].as_str().unwrap());
    let report = client.get(&report).await.ok();
    let mut groups = report["figures"].as_array().unwrap().iter();
    let activity = groups.find(|group| group["name"] == "activity").unwrap();
    let mut figures = activity["figures"].as_array().unwrap().iter();
    let fills = figures.find(|figure| figure["name"] == "fills").unwrap();
    // One of each instrument of which something is announced.
    assert!(fills["value"].as_f64().unwrap() >= 11.0, "{fills}");
    // A sweep puts other fields into the rules.
    let axis = |values: Value| json!([{ "path": "strategy.entry", "values": values }]);
    let mut sweep = period;
    sweep["axes"] = axis(json!(["P($$roe_q) > 0.05", "P($$eps_a) > 2"]));
    let path = format!("/api/v1/strategies/{strategy}/sweep");
    let session = client.post(&path, sweep.clone()).await.ok();
    completed(client, &session).await;
    sweep["axes"] = axis(json!(["P($$roe_q) > 0.05", "P($$sales_q) > 2"]));
    let why = client.post(&path, sweep).await.refused(400, "validation_failed");
    assert!(why.contains("axes[0].values[1]") && why.contains("$$sales_q"), "{why}");
}

#[tokio::test]
async fn fundamentals_are_carried_on_and_what_reads_them_is_computed_as_it_must_be() {
    let (fleet, client) = Fleet::start(&[]).await;
    let folder = fleet.data_dir();
    client.import("market", &bars(folder, 300)).await.ok();
    client.announce("market", &announcements(folder, "told.csv", 1.0)).await.ok();
    let mut features = expressions(&["roe", "yield"]);
    let plain = json!({ "name": "plain", "expression": "EMA($close, 9)/$close" });
    features["expressions"].as_array_mut().unwrap().push(plain);
    let count = |done: &Value| {
        let number = |what: &str| done["result"][what].as_u64().unwrap();
        [number("computed"), number("extended"), number("cached")]
    };
    let first = compute(&client, "market", features.clone()).await;
    assert_eq!(count(&first), [3, 0, 0]);

    // More bars: their announcements come along, and no column that reads them can go on.
    let grown = client.import("market", &bars(folder, 310)).await.ok();
    assert_eq!(grown["latest"]["announcements"]["fields"], json!(["eps_a", "roe_q"]));
    let done = compute(&client, "market", features.clone()).await;
    assert_eq!(count(&done), [2, 1, 0], "{done}");
    let why = done["result"]["findings"].to_string();
    assert!(why.contains("computed_afresh") && why.contains("$$roe_q"), "{why}");
    same_as_in_full(&client, (folder, 310, 1.0), &features, &done).await;

    // Other announcements beside the same bars: what reads none of the changed ones goes on.
    let changed = announcements(folder, "changed.csv", 2.0);
    let told = client.announce("market", &changed).await.ok();
    assert_eq!(told["latest"]["parent"], grown["latest"]["id"]);
    let done = compute(&client, "market", features.clone()).await;
    assert_eq!(count(&done), [1, 2, 0], "{done}");
    let why = done["result"]["findings"].to_string();
    assert!(why.contains("$$eps_a are others than before"), "{why}");
    same_as_in_full(&client, (folder, 310, 2.0), &features, &done).await;
    assert_eq!(count(&compute(&client, "market", features).await), [0, 0, 3]);
}

/// The same data under another name have nothing to go on from.
async fn same_as_in_full(
    client: &Client,
    (folder, count, factor): (&Path, usize, f64),
    features: &Value,
    done: &Value,
) {
    let name = format!("fresh-{count}-{factor}");
    client.import(&name, &bars(folder, count)).await.ok();
    client.announce(&name, &announcements(folder, "again.csv", factor)).await.ok();
    let full = compute(client, &name, features.clone()).await;
    assert_eq!(full["result"]["computed"], 3, "{full}");
    let (ours, theirs) = (table(client, done).await, table(client, &full).await);
    for name in ["roe", "yield", "plain"] {
        assert!(values(&ours, name) == values(&theirs, name), "{name} of {count} bars");
    }
}

#[tokio::test]
async fn hostile_announcements_change_nothing() {
    let (fleet, client) = Fleet::start(&[("SERVER__MAX_UPLOAD_MIB", "1")]).await;
    let folder = fleet.data_dir();
    let small = SyntheticMarket { instruments: 3, bars: 40, ..SyntheticMarket::default() };
    let small = small.generate().unwrap();
    let file = folder.join("small.parquet");
    alphafleet_datasets::write_panel(&file, &small).unwrap();
    client.import("market", &file).await.ok();
    let (good, parquet) = (folder.join("good.csv"), folder.join("good.parquet"));
    let known = small.instruments()[0].clone();
    std::fs::write(&good, format!("{HEADER}{known},2019-04-25,201901,roe_q,0.1\n")).unwrap();
    let announcements = alphafleet_datasets::read_announcements(&good).unwrap();
    alphafleet_datasets::write_announcements(&parquet, &announcements).unwrap();
    let dataset = client.announce("market", &parquet).await.ok();

    let whole = std::fs::read(&parquet).unwrap();
    let row = |row: &str| format!("{HEADER}{known},{row}\n").into_bytes();
    let twice = format!("2019-04-25,201901,roe_q,1\n{known},2019-04-25,201901,roe_q,2");
    let stranger = format!("{HEADER}NOBODY,2019-04-25,201901,roe_q,1\n").into_bytes();
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("x.csv", row("2019-13-25,201901,roe_q,1"), "bad_value", "row 1: '2019-13-25'"),
        ("x.csv", row("2019-04-25,201905,roe_q,1"), "announcement_period", "201905"),
        ("x.csv", row("2019-04-25,201901,roe,1"), "announcement_field", "'roe'"),
        ("x.csv", row("2019-04-25,201901,../a_q,1"), "announcement_field", "../a_q"),
        ("x.csv", row("2019-04-25,201901,roe_q,inf"), "announcement_value", "row 1"),
        ("x.csv", row(&twice), "announcement_contradiction", "row 2"),
        ("x.csv", HEADER.as_bytes().to_vec(), "empty_announcements", "x.csv"),
        ("x.csv", b"instrument,announced\n".to_vec(), "missing_column", "period"),
        ("x.csv", vec![0xff; 1_000], "corrupt_file", "x.csv"),
        ("x.csv", stranger, "strange_announcements", "NOBODY"),
        ("x.parquet", whole[..whole.len() / 2].to_vec(), "corrupt_file", "x.parquet"),
        ("x.parquet", b"PAR1".to_vec(), "corrupt_file", "x.parquet"),
        ("x.parquet", std::fs::read(&file).unwrap(), "missing_column", "announced"),
    ];
    for (name, bytes, code, says) in cases {
        let file = folder.join(name);
        std::fs::write(&file, &bytes).unwrap();
        let told = client.announce("market", &file).await.refused(400, code);
        assert!(told.contains(says), "{says}: {told}");
    }
    let file = folder.join("large.csv");
    std::fs::write(&file, vec![b'x'; 2 << 20]).unwrap();
    client.announce("market", &file).await.refused(413, "body_too_large");
    assert_eq!(client.get("/api/v1/datasets/market").await.ok(), dataset);
}
