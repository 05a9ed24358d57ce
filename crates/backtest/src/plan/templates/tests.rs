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

const PAIR: &str = "strategy = { type = \"pairs\", first = \"A\", second = \"B\", window = 20, \
                    entry = 2.0, weight = 0.4 }";

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
        (PAIR, "account", "conflict"),
        (
            "strategy = { type = \"ma_cross\", fast = 2, slow = 3, short = true, \
             sizing = { weight = 0.1 } }",
            "account",
            "conflict",
        ),
        (
            "engine = \"qlib\"\nexchange = { trade_unit = \"all\" }",
            "exchange.trade_unit",
            "wrong_type",
        ),
        ("engine = \"qlib\"\nexchange = { trade_unit = 0 }", "exchange.trade_unit", "out_of_range"),
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

#[test]
fn what_sells_short_needs_a_margin_account() {
    let message = PlanDraft::from_value(&document(PAIR)).unwrap_err().message;
    assert!(message.contains("margin = { initial = 0.5, maintenance = 0.25 }"), "{message}");
    let margin = "account = { margin = { initial = 0.5, maintenance = 0.25 } }";
    PlanDraft::from_value(&document(&format!("{margin}\n{PAIR}"))).unwrap();
}

#[test]
fn rules_say_how_entries_and_exits_are_dealt() {
    let read = |fields: &str| {
        let text = format!(
            "account = {{ margin = {{ initial = 0.5, maintenance = 0.25 }} }}\n\
             [strategy]\ntype = \"rules\"\nentry = \"Gt($close, 1)\"\nexit = \"Lt($close, 1)\"\n\
             sizing = {{ weight = 0.1 }}\n{fields}"
        );
        PlanDraft::from_value(&document(&text))
    };
    for fields in [
        "entry_order = \"market\"",
        "entry_order = { limit = 0.01 }\ntime_in_force = \"gtc\"\nstop_loss = 0.02",
        "entry_order = { stop = 0.01 }\ntime_in_force = \"ioc\"\ntake_profit = 0.02",
        "entry_order = { stop_limit = { stop = 0.01, limit = 0.012 } }\ntime_in_force = \"fok\"",
        "take_profit = 2.5\ntrailing_stop = 0.1",
    ] {
        read(fields).expect(fields);
    }
    for (fields, field, code) in [
        ("entry_order = { limit = 1.0 }", "entry_order.limit", "out_of_range"),
        ("entry_order = { stop = -0.1 }", "entry_order.stop", "out_of_range"),
        (
            "entry_order = { stop_limit = { stop = 0.01, limit = 1.2 } }",
            "entry_order.stop_limit.limit",
            "out_of_range",
        ),
        ("entry_order = \"magic\"", "", "unknown_value"),
        ("time_in_force = \"forever\"", "", "unknown_value"),
        ("stop_loss = 0.0", "stop_loss", "out_of_range"),
        ("stop_loss = 1.0", "stop_loss", "out_of_range"),
        ("stop_loss = 0.02\nentry_order = { limit = 0.02 }", "stop_loss", "out_of_range"),
        ("take_profit = 11.0", "take_profit", "out_of_range"),
        ("take_profit = 0.01\nentry_order = { stop = 0.01 }", "take_profit", "out_of_range"),
        (
            "take_profit = 1.0\nshort_entry = \"Lt($close, 2)\"\nshort_exit = \"Gt($close, 3)\"",
            "take_profit",
            "out_of_range",
        ),
        ("trailing_stop = 1.5", "trailing_stop", "out_of_range"),
        ("trailing_stp = 0.1", "", "unknown_field"),
    ] {
        let fault = read(fields).unwrap_err();
        let path = ["strategy", field].join(".");
        let path = path.trim_end_matches('.');
        assert_eq!((fault.field.as_str(), fault.code), (path, code), "{fields}: {fault}");
    }
}

#[test]
fn bounds_are_said_on_both_sides() {
    let margin = "account = { margin = { initial = 0.5, maintenance = 0.25 } }";
    let pair = PAIR.replace("weight = 0.4", "weight = 11.0");
    for (text, expected) in [
        (format!("{margin}\n{pair}"), "weight is 11, but must be above 0 and at most 10"),
        (
            "strategy = { type = \"ma_cross\", fast = 2, slow = 3, sizing = { weight = 101.0 } }"
                .to_owned(),
            "sizing.weight is 101, but must be above 0 and at most 100",
        ),
        (
            "multiplier = 1e12\nstrategy = { type = \"weights\", weighting = \"equal\" }"
                .to_owned(),
            "multiplier is 1000000000000, but must be above 0 and at most 9e10",
        ),
    ] {
        assert_eq!(PlanDraft::from_value(&document(&text)).unwrap_err().message, expected);
    }
}

#[test]
fn a_trade_unit_may_be_none() {
    let unit = |text: &str| {
        let draft = PlanDraft::from_value(&document(text)).unwrap();
        let plan = draft.with_period(
            serde_json::from_value(serde_json::json!({
                "start": "2020-01-02", "end": "2020-02-03"
            }))
            .unwrap(),
        );
        let again = PlanDraft::from_value(&plan.to_value()).unwrap();
        assert_eq!(again.complete(plan.period()), plan, "{text}");
        match plan {
            crate::plan::Plan::Qlib(config) => config.exchange.trade_unit,
            crate::plan::Plan::Event(_) => unreachable!("the document's engine"),
        }
    };
    assert_eq!(unit("engine = \"qlib\""), Some(100.0));
    assert_eq!(unit("engine = \"qlib\"\nexchange = { trade_unit = 10 }"), Some(10.0));
    assert_eq!(unit("engine = \"qlib\"\nexchange = { trade_unit = \"none\" }"), None);
    let null = serde_json::json!({ "engine": "qlib", "exchange": { "trade_unit": null } });
    let with_null = PlanDraft::from_value(&null).unwrap();
    let with_word =
        PlanDraft::from_value(&document("engine = \"qlib\"\nexchange = { trade_unit = \"none\" }"));
    assert_eq!(with_null, with_word.unwrap());
}
