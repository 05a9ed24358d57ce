#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::plan_templates;
use crate::plan::PlanDraft;

fn document(toml: &str) -> serde_json::Value {
    let table: toml::Table = toml.parse().unwrap();
    serde_json::to_value(table).unwrap()
}

#[test]
fn every_template_is_a_plan_and_reads_back_what_it_writes() {
    for template in plan_templates() {
        let draft = PlanDraft::from_value(&document(template.toml)).expect(template.name);
        assert_eq!(draft.needs_signal(), template.needs_signal, "{}", template.name);
        let period = serde_json::json!({ "start": "2020-01-02", "end": "2020-02-03" });
        let plan = draft.complete(serde_json::from_value(period).unwrap());
        let again = PlanDraft::from_value(&plan.to_value()).expect(template.name);
        assert_eq!(again.period(), Some(plan.period()));
        assert_eq!(again.complete(plan.period()), plan, "{}", template.name);
    }
}

#[test]
fn a_fault_names_its_field() {
    for (text, field, code) in [
        (
            "capital = -1.0\nstrategy = { type = \"weights\", weighting = \"equal\" }",
            "capital",
            "out_of_range",
        ),
        ("strategy = { type = \"magic\" }", "strategy.type", "unknown_value"),
        ("engine = \"magic\"", "engine", "unknown_value"),
        ("engine = \"qlib\"\nstrategy = { topk = \"many\" }", "strategy.topk", "wrong_type"),
        ("engine = \"qlib\"\nspeed = 3", "speed", "unknown_field"),
        ("engine = \"qlib\"\nexchange = { open_cost = 1.5 }", "exchange.open_cost", "out_of_range"),
        ("engine = \"qlib\"\nstrategy = { topk = 0 }", "strategy.topk", "out_of_range"),
        ("capital = 1.0", "strategy", "required"),
        ("period = { start = \"2020-01-01\" }", "period", "required"),
        (
            "strategy = { type = \"rules\", entry = \"Ref($close, -1)\", exit = \"$close\", \
             sizing = { weight = 0.1 } }",
            "strategy.entry",
            "feature_looks_ahead",
        ),
    ] {
        let fault = PlanDraft::from_value(&document(text)).unwrap_err();
        assert_eq!((fault.field.as_str(), fault.code), (field, code), "{text}: {fault}");
    }
}

#[test]
fn a_market_gives_the_rules_that_are_left_out() {
    let text = "market = \"us\"\nlot = 10.0\n[costs]\nminimum = 2.0\n[strategy]\n\
                type = \"weights\"\nweighting = \"equal\"";
    let period = serde_json::json!({ "start": "2020-01-02", "end": "2020-02-03" });
    let plan = PlanDraft::from_value(&document(text))
        .unwrap()
        .complete(serde_json::from_value(period).unwrap())
        .to_value();
    assert_eq!(plan["costs"]["minimum"], 2.0);
    assert_eq!(plan["costs"]["per_unit"], 0.005, "the market's");
    assert_eq!(plan["lot"], 10.0);
    assert_eq!(plan["market"], "us");
    assert!(plan["account"]["margin"].is_object(), "the market's");
}
