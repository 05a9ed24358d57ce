//! Gains by group: worked out by hand, and adding up to the whole gain.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use alphafleet_backtest::plan::{Plan, PlanDraft};
use alphafleet_backtest::{ActionKind, CorporateAction, Signal, default_period};
use alphafleet_backtest_worker::{Groups, read_groups};
use alphafleet_market::{
    Panel, PanelBuilder, PanelRow, SyntheticMarket, business_days, planted_signal,
};
use chrono::NaiveDate;
use serde_json::{Value, json};
use support::{Record, backtest_of, complete, draft, json as read_json};

/// Two shares; the sector of B becomes 2 at the fourth bar.
fn two_shares(fields: &[&str]) -> Arc<Panel> {
    let mut builder = PanelBuilder::new(
        ["open", "high", "low", "close", "volume"].into_iter().chain(fields.iter().copied()),
    );
    let times = business_days(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), 5);
    let shares = [
        ("A", [10.0, 10.0, 11.0, 12.0, 12.0], [1.0; 5]),
        ("B", [10.0, 10.0, 10.0, 12.0, 15.0], [1.0, 1.0, 1.0, 2.0, 2.0]),
    ];
    for (instrument, prices, sectors) in shares {
        for ((&time, price), sector) in times.iter().zip(prices).zip(sectors) {
            let mut values = vec![price, price, price, price, 1e6];
            values.extend(fields.iter().map(|_| sector));
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
    }
    Arc::new(builder.build().unwrap())
}

/// Four tenths of 1,000 in each share at the second bar: 40 of each for 10, with 4 of costs.
fn plan(panel: &Panel, record_positions: bool) -> Plan {
    let document = json!({
        "capital": 1000.0,
        "costs": { "open_rate": 0.01 },
        "record_positions": record_positions,
        "strategy": { "type": "weights", "weighting": "equal", "every": 100, "exposure": 0.8,
                      "tolerance": 0.0 },
    });
    let draft = PlanDraft::from_value(&document).unwrap();
    draft.complete(default_period(panel, None).unwrap())
}

/// What the report says of groups, as name, gain and costs.
fn groups(report: &Value) -> Vec<(String, f64, f64)> {
    let rows = report["contributions"]["groups"]["rows"].as_array().unwrap();
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap();
    rows.iter()
        .map(|row| {
            let name = row["name"].as_str().unwrap().to_owned();
            (name, number(row, "gain"), number(row, "costs"))
        })
        .collect()
}

fn report(
    plan: &Plan,
    panel: &Arc<Panel>,
    given: (&[CorporateAction], Option<&Groups>),
    signal: Option<&Signal>,
) -> (Value, String) {
    let scratch = tempfile::tempdir().unwrap();
    backtest_of(plan, panel, given, signal, scratch.path(), &Record::default()).unwrap();
    let page = std::fs::read_to_string(scratch.path().join("report.html")).unwrap();
    let report = read_json(scratch.path(), "report.json");
    let metrics = read_json(scratch.path(), "metrics.json");
    assert_eq!(metrics["groups"], report["contributions"]["groups"]);
    (report, page)
}

fn of_file(text: &str) -> Groups {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("groups.csv");
    std::fs::write(&path, text).unwrap();
    read_groups(&path).unwrap()
}

#[track_caller]
fn assert_groups(report: &Value, expected: &[(&str, f64, f64)]) {
    let found = groups(report);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, gain, costs), expected) in found.iter().zip(expected) {
        assert_eq!(name, expected.0, "{found:?}");
        assert!((gain - expected.1).abs() < 1e-9 && (costs - expected.2).abs() < 1e-9, "{found:?}");
    }
}

#[test]
fn gains_go_to_the_group_of_their_day() {
    let panel = two_shares(&["sector"]);
    let (found, page) = report(&plan(&panel, true), &panel, (&[], None), None);
    // A: 40 · 2 less 4. B: nothing less 4 while it is in sector 1; 40 · (2 + 3) in sector 2.
    assert_groups(&found, &[("sector 2", 200.0, 0.0), ("sector 1", 72.0, 8.0)]);
    assert_eq!(found["contributions"]["groups"]["by"], "sector");
    assert!(page.contains("By sector") && !page.contains("Not attributed"));
    // Without positions nobody knows what B brought in which sector: 200 − 4.
    let (found, _) = report(&plan(&panel, false), &panel, (&[], None), None);
    let unknown = "more than one sector; positions are not recorded";
    assert_groups(&found, &[(unknown, 196.0, 4.0), ("sector 1", 76.0, 4.0)]);
}

#[test]
fn groups_of_a_file_count_before_those_of_the_data() {
    let panel = two_shares(&["sector"]);
    // Bars are from Monday, the first of January, on; the fourth is Thursday.
    let text = "instrument,industry,from\nB,Steel,\nB,Ships,2024-01-04\n";
    let (found, _) = report(&plan(&panel, true), &panel, (&[], Some(&of_file(text))), None);
    let expected = [("Ships", 200.0, 0.0), ("no industry", 76.0, 4.0), ("Steel", -4.0, 4.0)];
    assert_groups(&found, &expected);
}

#[test]
fn a_report_without_groups_says_how_to_get_them() {
    let panel = two_shares(&[]);
    let (found, page) = report(&plan(&panel, true), &panel, (&[], None), None);
    assert_eq!(found["contributions"]["groups"], Value::Null);
    assert!(page.contains("$sector") && page.contains("--groups FILE"));
}

/// A market in which everything changes its group every 50 bars, in the engines and with short
/// sales, costs, borrowing and dividends.
#[test]
fn groups_and_interest_are_the_whole_gain() {
    let market = SyntheticMarket { instruments: 12, bars: 260, split: 0.0, ..Default::default() };
    let panel = market.generate().unwrap();
    let bars = panel.calendar().len();
    let code = |cell: usize| match panel.has_bar(cell / bars, cell % bars) {
        true => ((cell / bars + (cell % bars) / 50) % 3) as f64,
        false => f64::NAN,
    };
    let codes = (0..12 * bars).map(code).collect();
    let panel = Arc::new(panel.with_field("industry", codes).unwrap());
    let signal = Signal::from_column(&panel, &planted_signal(&panel)).unwrap();
    let names = panel.instruments();
    let dividends: Vec<CorporateAction> = (0..5)
        .map(|at| CorporateAction {
            instrument: names[at].clone(),
            time: panel.calendar()[60 + 20 * at],
            kind: ActionKind::Dividend { per_share: 0.5 },
        })
        .collect();
    let topk = draft("topk_dropout", |plan| {
        plan["benchmark"] = json!([]);
        (plan["strategy"]["topk"], plan["strategy"]["n_drop"]) = (json!(4), json!(2));
    });
    let reversion = PlanDraft::from_value(&json!({
        "account": { "margin": { "initial": 0.5, "maintenance": 0.25 } },
        "costs": { "open_rate": 0.001, "close_rate": 0.002, "borrow_rate": 0.1, "cash_rate": 0.02 },
        "strategy": { "type": "mean_reversion", "window": 10, "entry": 1.0, "exit": 0.0,
                      "short": true, "sizing": { "weight": 0.1 } },
    }))
    .unwrap();
    for draft in [topk, reversion] {
        let plan = complete(draft, &panel, Some(&signal));
        let given = plan.needs_signal().then_some(&signal);
        let (found, _) = report(&plan, &panel, (&dividends, None), given);
        let rows = groups(&found);
        assert_eq!(rows.len(), 3, "{rows:?}");
        let figure = |name: &str| {
            let groups = found["figures"].as_array().unwrap();
            let mut all = groups.iter().flat_map(|group| group["figures"].as_array().unwrap());
            all.find(|figure| figure["name"] == name).unwrap()["value"].as_f64().unwrap()
        };
        let (gain, costs) = (figure("gain"), figure("costs"));
        let interest = found["contributions"]["interest"].as_f64().unwrap();
        let sum: f64 = rows.iter().map(|row| row.1).sum();
        let paid: f64 = rows.iter().map(|row| row.2).sum();
        let scale = plan.capital() * 1e-9;
        assert!((sum + interest - gain).abs() < scale, "{} {sum} {gain}", plan.strategy_type());
        assert!(costs > 0.0 && (paid - costs).abs() < scale, "{paid} {costs}");
    }
}
