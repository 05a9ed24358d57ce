//! `alphafleet backtest`, on files alone.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod intraday;
mod options;
mod run;
mod scores;
mod sweep;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use alphafleet_datasets::{
    ColumnValues, KeyOrder, Table, TableColumn, write_panel, write_table_file,
};
use alphafleet_market::{Panel, SyntheticMarket, planted_signal};
use serde_json::Value;

fn alphafleet(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alphafleet")).args(args).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A folder with a market, its scores, and plans.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let market =
            SyntheticMarket { instruments: 20, bars: 150, split: 0.0, ..Default::default() };
        let panel = market.generate().unwrap();
        write_panel(&folder.path("bars.parquet"), &panel).unwrap();
        scores(&folder.path("scores.parquet"), &panel, &planted_signal(&panel));
        scores(&folder.path("nan.parquet"), &panel, &vec![f64::NAN; 20 * 150]);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn plan(&self, text: &str) -> PathBuf {
        let path = self.path("plan.toml");
        std::fs::write(&path, text).unwrap();
        path
    }

    fn backtest(&self, plan: &str, more: &[&str]) -> Output {
        self.backtest_on("bars.parquet", plan, more)
    }

    fn backtest_on(&self, data: &str, plan: &str, more: &[&str]) -> Output {
        let (plan, data, out) = (self.plan(plan), self.path(data), self.path("out"));
        let mut args = vec!["backtest", "--local", plan.to_str().unwrap()];
        args.extend(["--data", data.to_str().unwrap(), "--out", out.to_str().unwrap()]);
        args.extend(more);
        alphafleet(&args)
    }
}

fn scores(path: &Path, panel: &Panel, column: &[f64]) {
    let bars = panel.calendar().len();
    let (mut instruments, mut times) = (vec![], vec![]);
    for name in panel.instruments() {
        instruments.extend(std::iter::repeat_n(name.as_str(), bars));
        times.extend_from_slice(panel.calendar());
    }
    let columns = vec![TableColumn { name: "score", values: ColumnValues::F64(column) }];
    let keys = KeyOrder::InstrumentFirst;
    let table = Table { instruments: &instruments, times: &times, columns, keys };
    write_table_file(path, &table).unwrap();
}

fn template(name: &str) -> String {
    printed(&alphafleet(&["backtest", "--template", name]))
}

#[test]
fn a_template_runs_as_it_is_printed() {
    let folder = Folder::new();
    let scores = folder.path("scores.parquet");
    let plan = template("topk_dropout");
    assert!(plan.contains("# Qlib's TopkDropoutStrategy"), "with its comments");
    let done = printed(&folder.backtest(&plan, &["--signals", scores.to_str().unwrap()]));
    assert!(done.contains("missing_values") && done.contains("report.html"), "{done}");
    assert!(done.contains("topk_dropout (qlib)") && done.contains("sharpe"), "{done}");
    for name in [
        "report.parquet",
        "positions.parquet",
        "trades.parquet",
        "metrics.json",
        "report.json",
        "report.html",
    ] {
        assert!(folder.path("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn the_period_comes_from_the_command_line_then_the_plan() {
    let folder = Folder::new();
    let period = |plan: &str, more: &[&str]| {
        let mut args = vec!["--json"];
        args.extend(more);
        let result: Value = serde_json::from_str(&printed(&folder.backtest(plan, &args))).unwrap();
        ["start", "end"].map(|end| result["period"][end].as_str().unwrap().to_owned())
    };
    let plain = template("equal_weight");
    let [start, end] = period(&plain, &[]);
    assert_eq!(start, "2016-01-04");
    let dated = format!("{plain}\n[period]\nstart = 2016-02-01\nend = 2016-03-31\n");
    assert_eq!(period(&dated, &[]), ["2016-02-01", "2016-03-31"]);
    assert_eq!(period(&dated, &["--from", "2016-03-01"]), ["2016-03-01", "2016-03-31"]);
    assert_eq!(period(&plain, &["--to", "2016-04-01"]), [start, "2016-04-01".to_owned()]);
    assert!(end.as_str() > "2016-07-01", "{end}");
}

#[test]
fn templates_are_listed_and_an_unknown_one_names_them() {
    let listed = printed(&alphafleet(&["backtest", "--list-templates"]));
    assert_eq!(listed, printed(&alphafleet(&["backtest", "--templates"])));
    let refused = alphafleet(&["backtest", "--template", "magic"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2));
    for name in ["topk_dropout", "ma_cross", "pairs", "risk_parity"] {
        assert!(listed.contains(name) && said.contains(name), "{name}: {said}");
        assert!(!template(name).is_empty());
    }
}

#[test]
fn mistakes_exit_2_with_field_and_remedy() {
    let folder = Folder::new();
    let (nan, scores) = (folder.path("nan.parquet"), folder.path("scores.parquet"));
    let (nan, scores) = (nan.to_str().unwrap(), scores.to_str().unwrap());
    let equal = template("equal_weight");
    let topk = template("topk_dropout");
    let rule = template("rules").replace("Lt($close, Mean($close, 50))", "Ref($close, -2)");
    let cases: [(&str, &[&str], &str); 15] = [
        (&topk, &[], "--signals is missing"),
        (&topk, &["--signals", nan], "no score"),
        (&topk, &["--signals", "nowhere.csv"], "nowhere.csv cannot be read"),
        (&equal, &["--signals", scores], "takes no scores"),
        (&equal, &["--from", "1999-01-01"], "not inside the data, which reaches from 2016-01-04"),
        (&equal, &["--from", "2016-05-02", "--to", "2016-04-01"], "exchange start and end"),
        (&equal, &["--from", "tomorrow"], "--from"),
        (&equal.replace("1000000.0", "-5.0"), &[], "capital is -5, but must be positive"),
        (&equal.replace("\"equal\"", "\"magic\""), &[], "strategy"),
        (&equal.replace("\"weights\"", "\"magic\""), &[], "strategy.type: give one of"),
        (&rule, &[], "strategy.exit"),
        ("capital = ", &[], "not valid TOML"),
        (&format!("currency = \"EUR\"\n{equal}"), &[], "currency: prices and capital are of one"),
        (&format!("currencies = []\n{equal}"), &[], "currencies: prices and capital are of one"),
        (&equal, &["--members", "$sp500"], "--members: the data have no field $sp500"),
    ];
    for (plan, more, words) in cases {
        let refused = folder.backtest(plan, more);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
        assert!(!folder.path("out").join("metrics.json").exists());
    }
    std::fs::write(folder.path("none.csv"), "instrument,date,open,high,low,close\n").unwrap();
    let refused = folder.backtest_on("none.csv", &equal, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no bars in none.csv"));
}

#[test]
fn gains_are_attributed_to_the_groups_of_a_file() {
    let folder = Folder::new();
    let groups = folder.path("groups.csv");
    let (groups, equal) = (groups.to_str().unwrap(), template("equal_weight"));
    let panel = SyntheticMarket { instruments: 20, bars: 150, split: 0.0, ..Default::default() };
    let names = panel.generate().unwrap().instruments().to_vec();
    let rows = names.iter().enumerate().map(|(at, name)| format!("{name},Sector {}\n", at % 3));
    std::fs::write(groups, format!("instrument,sector\n{}", rows.collect::<String>())).unwrap();
    printed(&folder.backtest(&equal, &["--groups", groups]));
    let report = std::fs::read(folder.path("out").join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let table = &report["contributions"]["groups"];
    let mut found: Vec<_> =
        table["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!((table["by"].as_str(), found.len()), (Some("sector"), 3));
    assert_eq!(found, ["Sector 0", "Sector 1", "Sector 2"]);
    assert_eq!(report["prices"], "as the files have them");

    for (text, words) in [
        ("instrument,sector\nNOBODY,x\n", "no instrument of the data is in it"),
        ("instrument\nNOBODY\n", "column group is missing"),
    ] {
        std::fs::write(groups, text).unwrap();
        let refused = folder.backtest(&equal, &["--groups", groups]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn what_leaves_the_universe_is_sold() {
    let folder = Folder::new();
    let mut text = "instrument,date,open,high,low,close,volume,in_index\n".to_owned();
    for day in 2..=9 {
        let members = [("A", 1), ("B", u8::from(day < 6)), ("C", u8::from(day >= 6))];
        for (name, member) in members {
            text.push_str(&format!("{name},2024-01-{day:02},10,10,10,10,1000,{member}\n"));
        }
    }
    std::fs::write(folder.path("members.csv"), text).unwrap();
    let equal = template("equal_weight").replace("every = 21", "every = 1");
    let held = |more: &[&str]| {
        let result = printed(&folder.backtest_on("members.csv", &equal, more));
        assert!(result.contains("report.html"), "{result}");
        let bytes = std::fs::read(folder.path("out").join("positions.parquet")).unwrap();
        let table = alphafleet_datasets::read_table("positions.parquet", bytes).unwrap();
        let of = |name: &str| -> Vec<String> {
            let rows = table.instruments.iter().zip(&table.times);
            rows.filter(|(held, _)| *held == name)
                .map(|(_, time)| time.format("%d").to_string())
                .collect()
        };
        ["A", "B", "C"].map(of)
    };
    let days = |from: u32, to: u32| (from..=to).map(|day| format!("{day:02}")).collect::<Vec<_>>();
    assert_eq!(held(&[]), [days(3, 9), days(3, 9), days(3, 9)]);
    // The change of the 6th is known at its close.
    assert_eq!(held(&["--members", "in_index"]), [days(3, 9), days(3, 6), days(7, 9)]);
}

#[test]
fn raw_prices_go_with_their_actions() {
    let folder = Folder::new();
    let text = "instrument,date,open,high,low,close,volume\nA,2024-01-02,10,10,10,10,1000\n\
        A,2024-01-03,10,10,10,10,1000\nA,2024-01-04,5,5,5,5,2000\nA,2024-01-05,5,5,5,5,2000\n";
    std::fs::write(folder.path("raw.csv"), text).unwrap();
    std::fs::write(folder.path("actions.csv"), "instrument,date,split\nA,2024-01-04,2\n").unwrap();
    let plan = "capital = 1000.0\n[strategy]\ntype = \"weights\"\nweighting = \"equal\"\n\
        every = 1\nexposure = 0.5\ntolerance = 0.2\n";
    let gain = |more: &[&str]| -> f64 {
        let mut args = vec!["--json"];
        args.extend(more);
        let result: Value =
            serde_json::from_str(&printed(&folder.backtest_on("raw.csv", plan, &args))).unwrap();
        result["metrics"]["gain"].as_f64().unwrap()
    };
    let actions = folder.path("actions.csv");
    assert_eq!(gain(&["--actions", actions.to_str().unwrap()]), 0.0);
    assert_eq!(gain(&[]), -250.0, "without its split half of 50 shares' worth is lost");
}
