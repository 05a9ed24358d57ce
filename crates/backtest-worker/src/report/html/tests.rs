#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::ControlFlow;
use std::sync::Arc;

use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_models::Finding;
use alphafleet_testkit::page::check_tags;
use chrono::DateTime;

use super::super::{Report, ReportSource};
use alphafleet_backtest::default_period;
use alphafleet_backtest::plan::{PlanDraft, Simulation};

const HOSTILE: &str = "<script>alert('x')</script>\"&' --><svg onload=\"x\">\u{0}\u{7}";

/// A synthetic market whose instruments are named by `name`.
fn market(name: &str) -> Panel {
    let market = SyntheticMarket { instruments: 20, bars: 300, ..Default::default() };
    let panel = market.generate().unwrap();
    let fields: Vec<&str> = panel.field_names().collect();
    let mut builder = PanelBuilder::new(fields.iter().copied());
    for (at, _) in panel.instruments().iter().enumerate() {
        for (bar, time) in panel.calendar().iter().enumerate() {
            if panel.has_bar(at, bar) {
                let values: Vec<f64> =
                    fields.iter().map(|field| panel.series(field, at).unwrap()[bar]).collect();
                let instrument = format!("{name}{at}");
                let row = PanelRow { instrument: &instrument, time: *time, values: &values };
                builder.push(row).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

fn report(name: &str) -> Report {
    let panel = Arc::new(market(name));
    let document = serde_json::json!({
        "benchmark": format!("{name}0"),
        "costs": { "open_rate": 0.001, "close_rate": 0.001 },
        "strategy": { "type": "mean_reversion", "window": 20, "entry": 1.0, "exit": 0.0,
                      "short": false, "sizing": { "weight": 0.1 } },
    });
    let plan = PlanDraft::from_value(&document).unwrap();
    let plan = plan.complete(default_period(&panel, None).unwrap());
    let simulation = Simulation::prepare(&plan, &panel, &[]).unwrap();
    let outcome = simulation.run(&plan, None, &mut |_| ControlFlow::Continue(())).unwrap();
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    Report::new(ReportSource {
        plan: &plan,
        panel: &panel,
        outcome: &outcome,
        dataset: (name, name),
        prices: name,
        groups: None,
        session: name,
        build: name,
        started: now,
        finished: now,
        findings: vec![Finding {
            severity: name.to_owned(),
            code: name.to_owned(),
            message: name.to_owned(),
        }],
    })
    .unwrap()
}

#[test]
fn every_part_of_the_page_is_there_and_nothing_is_fetched() {
    let report = report("SH");
    let html = report.to_html();
    let tags = check_tags(&html).unwrap();
    assert_eq!(tags.iter().filter(|tag| *tag == "svg").count(), 7);
    for outside in ["http", "src=", "href=", "url(", "@import", "<script", "<link", "style="] {
        assert!(!html.contains(outside), "{outside}");
    }
    assert!(!html.contains("NaN") && !html.contains(">inf<"));
    for shown in [
        "Maximum drawdown",
        "benchmark, grown from the same capital",
        "class=\"heat\"",
        "Sharpe ratio of the last 126 bars",
        "Gained most",
        "Lost most",
        "trades.parquet has them all",
        "Information ratio",
        "strategy.sizing.weight",
        "excess_return_with_cost.annualized_return",
    ] {
        assert!(html.contains(shown), "{shown}");
    }
    let total = report.trades.total;
    assert!(total > 50 && html.contains(&format!("The 50 that moved the account most of {total}")));
}

#[test]
fn hostile_names_stay_text() {
    let html = report(HOSTILE).to_html();
    let plain = report("SH").to_html();
    assert_eq!(check_tags(&html).unwrap(), check_tags(&plain).unwrap());
    assert!(!html.contains("<script") && !html.contains("<svg onload"));
    assert!(!html.contains("alert('") && !html.contains('\u{0}') && !html.contains('\u{7}'));
    assert!(html.contains("&lt;script&gt;"));
}

#[test]
fn the_json_form_is_read_back_and_every_figure_has_its_convention() {
    let report = report("SH");
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    let metrics = report.metrics();
    let conventions = metrics["conventions"].as_object().unwrap();
    let figures: Vec<_> = report.figures.iter().flat_map(|group| &group.figures).collect();
    assert_eq!(conventions.len(), figures.len(), "a name appears twice");
    assert!(figures.iter().all(|figure| figure.convention.len() > 2 && figure.label.len() > 1));
    assert!(metrics["sharpe"].is_number() && metrics["excess_return_with_cost.mean"].is_number());
}
